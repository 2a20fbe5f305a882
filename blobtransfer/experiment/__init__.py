"""What one command runs: a training, or a comparison of variants over many repeats."""
