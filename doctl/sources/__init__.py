"""One module for each place pieces come from."""
