"""The tests of doctl, laid out like the package."""
