"""Errors of the program, as one tree with the exit code of each.

    BlobTransferError              1
    ├── InputError (ValueError)    2  the user asked for something that cannot be
    │   ├── SettingError           2  a setting has an impossible value
    │   └── InputFileError         2  a file cannot be used:
    │       ├── SourceFileError    2  a model
    │       ├── TableFileError     2  a table
    │       ├── ResultsFileError   2  results that are to be shown
    │       └── StoreError         2  a store of results
    └── MachineError          1  the request was fine, the machine was not

A message is one line: the input, the problem, the solution. A bug of the program is not reported
this way and prints a traceback.
"""

import copyreg
from typing import Any

MAX_VALUE = 1000
"""Most characters of a value that a message shows."""


class BlobTransferError(Exception):
    """Base of every error that the program reports as one line."""

    exit_code = 1

    def __init__(self, message: str) -> None:
        super().__init__(_one_line(message))

    def __reduce__(self) -> Any:
        """Let an error cross from one process to another; `__init__` is not called again."""
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]


def _one_line(text: str) -> str:
    """Escape line ends, and other characters that no screen shows."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class InputError(BlobTransferError, ValueError):
    """The request is wrong: an option, a file, or two that do not fit together.

    It is a `ValueError`, as wrong arguments are in Python.
    """

    exit_code = 2


class SettingError(InputError):
    """A setting has an impossible value.

    Args:
        setting: Name of the setting, such as `learning-rate`.
        value: The value, as the user would write it.
        problem: What is wrong and what to do.
    """

    def __init__(self, setting: str, value: object, problem: str) -> None:
        self.setting = setting
        self.value = str(value)
        self.problem = problem
        shown = self.value if len(self.value) <= MAX_VALUE else f"{self.value[:MAX_VALUE]}..."
        super().__init__(" ".join((setting, shown)).strip() + f": {problem}")


class InputFileError(InputError):
    """A file cannot be used.

    Args:
        name: The file, or the name of a built-in table.
        problem: What is wrong and what to do.
    """

    def __init__(self, name: object, problem: str) -> None:
        super().__init__(f"{name}: {problem}")


class SourceFileError(InputFileError):
    """A model file is missing, damaged, or not a network that can be used here."""


class TableFileError(InputFileError):
    """A table is missing, damaged, or cannot be used for training."""


class ResultsFileError(InputFileError):
    """A file of results is missing, damaged, or holds something else.

    Args:
        name: The file.
        problem: What is wrong.
    """

    def __init__(self, name: object, problem: str) -> None:
        super().__init__(name, f"{problem}; use a JSON file that blobtransfer wrote")


class StoreError(InputFileError):
    """A store is damaged, something else, or of other versions."""


class MachineError(BlobTransferError):
    """The machine failed: a full disk, a missing library, no display."""
