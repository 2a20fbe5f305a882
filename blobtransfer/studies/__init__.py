"""Settings -> what is run: a comparison, a sweep, pairs, a grid, or one training."""
