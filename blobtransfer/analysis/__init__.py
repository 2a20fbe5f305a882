"""Compute findings from scores: one cell, all cells of a study, and stored or saved results."""
