"""What a command does from start to finish, without a terminal: it joins sources, coordination, checks and the core."""
