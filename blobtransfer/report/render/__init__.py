"""One file a way to show tables."""
