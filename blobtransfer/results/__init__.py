"""What a command found out, as plain data, and the files it is kept in."""
