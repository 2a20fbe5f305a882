"""Build specs from settings: a comparison, a sweep, pairs, a grid, or one training."""
