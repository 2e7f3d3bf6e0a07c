"""What happened: rewrites the user's source, runs it and records a tape; knows nothing of networks."""
