"""Renderers of tables, one file per format."""
