"""What the tape means: parameters, layers, layout, activations, loss, updates."""
