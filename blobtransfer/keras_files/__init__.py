"""Read and write networks in Keras files; files are read as data, never run."""
