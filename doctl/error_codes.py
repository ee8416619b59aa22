"""The error codes (HRESULTs) of Delivery Optimization."""
