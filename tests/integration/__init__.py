"""doctl whole, with real programs around it."""
