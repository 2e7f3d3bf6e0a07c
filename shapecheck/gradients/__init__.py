"""What the gradients should be: numeric derivatives, comparison, adjoints; knows no findings."""
