"""How it is shown: terminal, JSON, diff; reads findings only."""
