"""How the readers of a model file say no, and the limits that they share."""

import json
from typing import Never

MAX_CONFIG_BYTES = 2**20
"""Largest description of a network; Keras writes about 1 KB a layer."""

MAX_NAME = 500


class Refused(Exception):
    """The file cannot be used: what was found and what to do."""


def shown(value: object) -> str:
    """Quote what the file says, cut to a sane length; the caller makes it printable."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return f"'{text if len(text) <= 60 else text[:57] + '...'}'"


def refuse(problem: str) -> Never:
    """Refuse the file: what was found and what to do."""
    raise Refused(problem)
