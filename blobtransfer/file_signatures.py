"""Identify a file format by its first bytes, for errors about files of the wrong kind."""

import re
import struct

START_BYTES = 512
"""Bytes at the start of a file that suffice to identify its format."""

SQLITE = b"SQLite format 3\0"
"""First bytes of every SQLite file."""

_BEGINNINGS = (
    (b"\x89HDF\r\n\x1a\n", "an .h5 file"),
    (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (b"%PDF-", "a PDF file"),
    (b"\x1f\x8b", "a gzip file"),
    (SQLITE, "an SQLite file"),
    (b"PAR1", "a Parquet file"),
    (b"ARROW1", "an Arrow file"),
)

_MEMBERS = (
    (r"(metadata|config)\.json|model\.weights\.h5", "a .keras file"),
    (r"(.*/)?data\.pkl", "a PyTorch file"),
    (r".*\.npy", "NumPy arrays (.npz)"),
    (r"\[Content_Types\]\.xml|(xl|docProps|_rels)/.*", "an Excel file"),
)
"""Names of the first member of a zip archive."""

_MARKS = (
    (b"\xff\xfe\0\0", "utf-32"), (b"\0\0\xfe\xff", "utf-32"), (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"),
)  # fmt: skip


def detect_encoding(start: bytes) -> str | None:
    """Return the encoding that the byte order mark of a text names; None without one."""
    return next((name for mark, name in _MARKS if start.startswith(mark)), None)


def identify_format(content: bytes) -> str | None:
    """Return the format of a file, such as "a PyTorch file" or "CSV"; None if unknown.

    Args:
        content: The first `START_BYTES` of the file, or more.
    """
    start = content[:START_BYTES]
    for beginning, kind in _BEGINNINGS:
        if start.startswith(beginning):
            return kind
    if start.startswith(b"PK\x03\x04"):
        return _archive(start)
    if re.match(rb"\x80[\x02-\x05]", start):
        return "a Python pickle"
    if start[4:8] == b"TFL3":
        return "a TensorFlow Lite file"
    # Protocol buffers: field 1, a small version, and field 2, 3 or 7 of many bytes.
    if re.match(rb"\x08[\x01-\x20][\x12\x1a\x3a]", start):
        return "an ONNX file"
    if re.match(rb".{6}\0\0\{\"", start, re.DOTALL):
        return "a safetensors file"
    return _text(start)


def _archive(start: bytes) -> str:
    (length,) = struct.unpack("<H", start[26:28].ljust(2, b"\0"))
    name = start[30 : 30 + length].decode("utf-8", "replace")
    return next((kind for names, kind in _MEMBERS if re.fullmatch(names, name)), "a zip archive")


def _text(start: bytes) -> str | None:
    encoding = detect_encoding(start)
    if encoding is None and re.match(rb"[\x20-\x7e\s]\0[\x20-\x7e\s]\0", start):
        return "UTF-16 without a byte order mark"
    text = start.decode(encoding or "utf-8", "ignore").lstrip()
    if not text or any(not c.isprintable() and not c.isspace() for c in text):
        return None
    if text.startswith(("{", "[")):
        return "JSON"
    if text.startswith("<"):
        return "HTML or XML"
    is_row = re.fullmatch(r"[\w .'\"-]+([,;\t][\w .'\"-]*)+", text.splitlines()[0])
    return "CSV" if is_row else "plain text"
