"""Tests of the door to the outside."""
