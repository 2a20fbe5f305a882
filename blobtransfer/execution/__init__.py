"""Where calls run: here, one after another, or on any executor."""
