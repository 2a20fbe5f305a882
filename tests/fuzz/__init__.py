"""Random mutations of the program's inputs, run through the program; see `__main__`."""
