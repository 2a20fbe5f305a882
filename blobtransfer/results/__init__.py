"""Results of commands as plain data, and the files that hold them."""
