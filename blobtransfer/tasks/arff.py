"""ARFF, as Weka and OpenML have it, by scipy: columns of numbers and of listed words."""

import io

import numpy as np

from blobtransfer.errors import TableFileError
from blobtransfer.specs.checks import printable
from blobtransfer.tasks.raw import RawColumn, RawTable, check_size, coded, written


def read(name: str, content: bytes, suffix: str, as_words: frozenset[str]) -> RawTable:
    """Read a table; see `raw.Reader`."""
    from scipy.io import arff

    try:
        rows, meta = arff.loadarff(io.StringIO(content.decode("utf-8-sig")))
    except NotImplementedError as error:
        problem = "a column of free text or dates; leave it out of the file"
        raise TableFileError(name, problem) from error
    except UnicodeEncodeError as error:
        problem = "scipy reads ARFF with words in ASCII only; save the table as CSV"
        raise TableFileError(name, problem) from error
    except UnicodeDecodeError as error:
        raise TableFileError(name, "it is not UTF-8; save it as UTF-8") from error
    except Exception as error:  # its own errors, and whatever a damaged file makes of it
        reason = printable(str(error).splitlines()[0][:100]) if str(error) else "no reason given"
        raise TableFileError(name, f"it cannot be read ({reason}); mend the file") from error
    heads = [printable(head) for head in meta.names()]
    check_size(name, len(rows), len(heads))
    if not len(rows):
        raise TableFileError(name, "no rows; give a table with rows")
    columns = {}
    for head, original in zip(heads, meta.names(), strict=True):
        values = rows[original]
        if values.dtype.kind == "S":  # a missing word is "?"
            columns[head] = coded([value.decode() for value in values.tolist()])
        elif head in as_words:
            columns[head] = coded([written(value) for value in values.tolist()])
        else:
            columns[head] = RawColumn(numbers=np.asarray(values, np.float64))
    return RawTable(name, None, columns, len(rows))
