"""The command line: options in, files and streams out."""
