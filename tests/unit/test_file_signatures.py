"""What a file looks like by its first bytes."""

import io
import zipfile

import pytest

from blobtransfer.file_signatures import detect_encoding, identify_format


def archive(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name in names:
            file.writestr(name, b"")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (archive("metadata.json", "config.json"), "a .keras file"),
        (archive("model/data.pkl", "model/version"), "a PyTorch file"),
        (archive("arr_0.npy"), "NumPy arrays (.npz)"),
        (archive("[Content_Types].xml"), "an Excel file"),
        (archive("notes.txt"), "a zip archive"),
        (b"PK\x03\x04", "a zip archive"),
        (b"\x89HDF\r\n\x1a\n" + bytes(9), "an .h5 file"),
        (b"\x1f\x8b\x08", "a gzip file"),
        (b'{"runs": []}', "JSON"),
        (b"\n  [1, 2]", "JSON"),
        ('{"runs": []}'.encode("utf-16"), "JSON"),
        ('{"runs": []}'.encode("utf-16-le"), "UTF-16 without a byte order mark"),
        (b"\xef\xbb\xbf{}", "JSON"),
        (b"x;y\n1;2\n", "CSV"),
        (b"x\ty\n1\t2\n", "CSV"),
        (b'"a b","c"\n', "CSV"),
        (b"my notes\n", "plain text"),
        (b"open('executed', 'w')\n", "plain text"),
        (b"<html>", "HTML or XML"),
        (b"", None),
        (b"\n \n", None),
        (bytes(100), None),
        (b"\x01\x02\x03\x04", None),
    ],
)
def test_a_file_is_known_by_its_first_bytes(content, kind):
    assert identify_format(content) == kind


@pytest.mark.parametrize("length", range(30))
def test_the_least_of_a_start_is_no_hindrance(length):
    for content in (archive("metadata.json"), b"\x80\x04\x95", b"\x08\x07\x12" * 9):
        identify_format(content[:length])


@pytest.mark.parametrize(
    ("start", "encoding"),
    [
        (b"{", None),
        (b"\xff\xfe{\0", "utf-16"),
        (b"\xfe\xff\0{", "utf-16"),
        (b"\xff\xfe\0\0", "utf-32"),
        (b"\xef\xbb\xbf{", "utf-8-sig"),
    ],
)
def test_a_text_says_its_encoding_by_a_mark(start, encoding):
    assert detect_encoding(start) == encoding
