"""doctl: diagnose, script and fetch with Delivery Optimization from the command line."""

__version__ = "0.1.0"
