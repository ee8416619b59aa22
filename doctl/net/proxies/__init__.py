"""Which proxy applies to a URL, and why: what the environment, the system and PAC scripts say."""
