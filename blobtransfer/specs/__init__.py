"""Specifications of what to run: frozen dataclasses, checked when built; standard library only."""
