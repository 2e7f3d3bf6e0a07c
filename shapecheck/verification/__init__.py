"""Checking a user's own backward pass where it stands: find its parameters, gradients and loss, and compare."""
