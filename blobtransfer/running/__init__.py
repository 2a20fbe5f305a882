"""Run a study: its cells, blocks of repeats, workers, checkpoints, and single trainings."""
