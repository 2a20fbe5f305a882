"""Read and write networks in Keras files; files are read as data, never run."""

NETWORK_SUFFIXES = (".keras", ".h5")
"""Suffixes of the files that are written; the second is the legacy format."""
