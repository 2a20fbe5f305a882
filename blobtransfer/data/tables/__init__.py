"""Tables: read from files or built in, resolved together, and split by repeat."""
