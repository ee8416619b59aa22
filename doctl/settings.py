"""The DO* settings: defaults, where each value came from, boundary groups."""
