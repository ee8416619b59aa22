"""Tests of which proxy applies to a URL, and why."""
