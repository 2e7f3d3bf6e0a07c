"""What makes it right: candidate edits, and the trials that prove them."""
