"""The passes over a model's weights: packed rows, attention, layers and their gradients."""
