"""Figures of results and of data; nothing is computed here."""
