"""Compute plain records from arrays: spread, differences, curves and verdicts."""
