"""Figures: pictures of results and of problems; nothing is computed here."""
