"""Store blocks of repeats in one SQLite file."""
