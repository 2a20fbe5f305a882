"""Mutated tables of every format, read as data, or used for training by a command."""

import gzip
import io
import struct
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
from helpers.commands import run_here
from pyarrow import feather

from blobtransfer.cli.failures import report
from blobtransfer.data.tables.resolve import resolve_data_specs
from blobtransfer.errors import BlobTransferError
from blobtransfer.specs.data_text import parse_data_spec
from fuzz.edits import damaged_bytes, edited_text, edited_zip
from fuzz.mutation import Mutation

EVERY_COMMAND = 20
"""One mutation in so many goes through a whole command; the others are only read."""

LEVELS = ("a", "b", "long word")

ODD_CELLS = ("", "NA", "?", "nan", "inf", "1e400", "-1e308", "1_0", "0x1", "ü", "'q'", "=1", "x,y",
             "\x1b[31m", "\u202e", " 1 ", "9" * 500, "p", "5", "train")  # fmt: skip
"""Values of a cell, or names of a column."""

OPTIONS = ("", "", "", ",missing=drop", ",missing=mean", ",missing=mean", ",where=w:a", ",drop=w",
           ",group=x0", ",split=w", ",classes=p+q", ",scale=none", ",train=12", ",train=0.6",
           ",missing=?,missing=-5", ",drop=1", ",drop=1-9", ",head=none", ",sep=tab")  # fmt: skip

Columns = dict[str, list[Any]]


def prepare(valid: Path) -> None:
    """Learn one table, so that the machine code of a small network is there."""
    path = valid / "t.csv"
    path.write_bytes(_delimited(_columns(Random(0)), Random(0), ","))
    finished = run_here("train-target", "--task", f"{path}:label=y", "--epochs=1", "--no-plot")
    assert finished.code == 0, finished.err


def mutate(rng: Random, i: int, valid: Path) -> Mutation:
    """Write a mutated table."""
    suffix, content = rng.choice(KINDS)(rng)
    path = Path(f"t{suffix}")
    path.write_bytes(content)
    text = f"{path}:label={rng.choice('yyyyyyyw')}{rng.choice(OPTIONS)}"
    argv = ["train-target", "--task", text, "--epochs", "1", "--no-plot"]
    if i % EVERY_COMMAND == 0:
        return Mutation([*argv, "-o", "o.json", "-o", "o.csv"])
    return Mutation(argv, main=lambda: _read(text))


def _read(text: str) -> int:
    """Read a table as a command does, and return the exit code."""
    try:
        resolve_data_specs({"target": parse_data_spec("task", text, 1)}, 1)
    except BlobTransferError as error:
        return report(error)
    return 0


def _columns(rng: Random) -> Columns:
    """Return columns of numbers, a column of words, and one of two classes."""
    n_rows = rng.choice((2, 12, 40, 40, 40))
    columns: Columns = {}
    for i in range(rng.choice((1, 2, 5))):
        columns[f"x{i}"] = [
            rng.choice((rng.random() * 100, rng.randrange(10), 7.5, -5)) for _ in range(n_rows)
        ]
    columns["w"] = [rng.choice(LEVELS) for _ in range(n_rows)]
    columns["y"] = list("pq" * n_rows)[:n_rows]
    return columns


def _delimited(columns: Columns, rng: Random, delimiter: str) -> bytes:
    end = rng.choice(("\n", "\r\n", "\r"))
    quote = rng.choice(("", '"'))
    mark = rng.choice((".", ".", ","))
    rows = zip(*columns.values(), strict=True)
    lines = [
        [f"{quote}{cell}{quote}".replace(".", mark) for cell in row]
        for row in (list(columns), *rows)
    ]
    texts = [
        delimiter.join(line) + rng.choice(("", "", "", delimiter)) * (mark == ",") for line in lines
    ]
    if rng.random() < 0.3:
        texts.insert(
            rng.choice((0, 1, len(texts))), rng.choice(("# note", "", "sep=;", "%1,2", "#"))
        )
    text = end.join(texts) + rng.choice(("", end, end * 3, (delimiter * 3 + end) * 2))
    return text.encode(rng.choice(("utf-8", "utf-8", "utf-8-sig", "utf-16", "cp1252")), "replace")


def _arff(columns: Columns, rng: Random) -> bytes:
    delimiter, quote = rng.choice((",", ", ", "\t")), rng.choice(("'", '"'))
    lines = ["@relation r", "% comment"]
    for name in columns:
        kind = rng.choice(("numeric", "real", "INTEGER"))
        if name == "w":
            name, kind = f"{quote}w{quote}", f"{{a, b ,{quote}long word{quote}}}"
        lines.append(f"@ATTRIBUTE {name} {'{p,q}' if name == 'y' else kind}")
    lines.append("@data")
    for row in zip(*columns.values(), strict=True):
        cells = (f"{quote}{cell}{quote}" if cell == LEVELS[2] else str(cell) for cell in row)
        lines.append(delimiter.join(cells))
    return "\n".join(lines).encode() + b"\n"


def _npz(columns: Columns, rng: Random) -> bytes:
    numbers = [columns[name] for name in columns if name.startswith("x")]
    kind = rng.choice(("f2", "f4", ">f8", "i1", "u8", "?", "i4"))
    block = np.clip(np.array(numbers).T, 0, 9).astype(kind)
    save = rng.choice((np.savez, np.savez_compressed))
    labels: Any = np.array(columns["y"], rng.choice(("U1", ">U3", "S1", "S3")))
    if rng.random() < 0.2:
        labels = np.eye(2)[(labels == labels[0]).astype(int)]
    arrays = {
        "X": np.asfortranarray(block) if rng.random() < 0.3 else block,
        "w": np.array(columns["w"]),
        "y": labels[:, None] if rng.random() < 0.2 and labels.ndim == 1 else labels,
    }
    if rng.random() < 0.3:
        n = rng.randrange(len(labels))
        arrays = {f"{key}_train": values[:n] for key, values in arrays.items()} | {
            f"{key}_test": values[n:] for key, values in arrays.items()
        }
    if rng.random() < 0.3:
        arrays[rng.choice(("y", "z"))] = rng.choice((np.array([{}] * 40, object), np.zeros(3)))
    buffer = io.BytesIO()
    save(buffer, **arrays)
    return buffer.getvalue()


def _parquet(columns: Columns, rng: Random) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(
        _arrow_table(columns, rng),
        buffer,
        compression=rng.choice(("none", "zstd", "snappy", "gzip")),
        use_dictionary=rng.random() < 0.6,
        row_group_size=rng.choice((3, 1000)),
        store_schema=rng.random() < 0.7,
        data_page_version=rng.choice(("1.0", "2.0")),
    )
    return buffer.getvalue()


def _feather(columns: Columns, rng: Random) -> bytes:
    table, buffer = _arrow_table(columns, rng), io.BytesIO()
    if rng.random() < 0.3:
        with pa.ipc.new_stream(buffer, table.schema) as writer:
            writer.write_table(table, max_chunksize=rng.choice((3, 1000)))
    else:
        feather.write_feather(
            table,
            buffer,
            rng.choice(("uncompressed", "lz4", "zstd")),
            chunksize=rng.choice((3, 1000)),
        )
    return buffer.getvalue()


def _excel(columns: Columns, rng: Random) -> bytes:
    book, buffer = openpyxl.Workbook(), io.BytesIO()
    for row in (list(columns), *zip(*columns.values(), strict=True)):
        book.active.append([v.replace("\x1b", "") if isinstance(v, str) else v for v in row])
    book.save(buffer)
    return buffer.getvalue()


def _arrow_table(columns: Columns, rng: Random) -> Any:
    arrays: dict[str, Any] = {}
    for name, values in columns.items():
        if not name.startswith("x"):
            kind = rng.choice((pa.string(), pa.large_string(), pa.string_view()))
            is_plain = rng.random() < 0.8
            arrays[name] = pa.array(values, kind) if is_plain else pa.array(values)
            if not is_plain:
                arrays[name] = arrays[name].dictionary_encode()
            continue
        kind, convert = rng.choice(
            (
                (pa.float64(), float),
                (pa.float32(), float),
                (pa.int8(), int),
                (pa.uint64(), lambda value: abs(int(value))),
                (pa.bool_(), bool),
            )
        )
        cells = [None if rng.random() < 0.1 else convert(value) for value in values]
        arrays[name] = pa.array(cells, kind)
    if rng.random() < 0.4:
        arrays[rng.choice(("x0", "w", "y"))] = rng.choice(_odd_arrays(len(columns["y"])))
    return pa.table(arrays)


def _odd_arrays(n: int) -> list[Any]:
    """Return columns of types that a table may have and a problem may not."""
    numbers = list(range(n))
    return [
        pa.array(numbers, pa.timestamp("ns")), pa.array(numbers, pa.date32()),
        pa.array(numbers, pa.duration("s")), pa.array(numbers, pa.time64("us")),
        pa.array([[number] for number in numbers]), pa.array([{"a": number} for number in numbers]),
        pa.array([[(str(number), 1)] for number in numbers], pa.map_(pa.string(), pa.int8())),
        pa.array([Decimal(number) for number in numbers]), pa.array([b"\xff"] * n),
        pa.nulls(n), pa.nulls(n, pa.float64()), pa.nulls(n, pa.string()),
        pa.array(np.arange(n, dtype="f2")), pa.array([2**63] * n, pa.uint64()),
        pa.array([float("nan")] * n), pa.array([float("inf"), *numbers[1:]], pa.float64()),
        pa.DictionaryArray.from_arrays(pa.array([0] * n), ["a", "b"]),
        pa.array(["\x1b[31m"] * n), pa.array(["x" * 20_000] * n), pa.array([""] * n),
        pa.array([b"\xff"] * n).view(pa.string()), pa.array([True] * n),
    ]  # fmt: skip


def _odd_columns(rng: Random) -> Columns:
    """Return columns of which some cells or a name are odd."""
    columns = _columns(rng)
    for _ in range(rng.choice((0, 0, 1, 2))):
        values = columns[rng.choice(tuple(columns))]
        values[rng.randrange(len(values))] = rng.choice(ODD_CELLS)
    if rng.random() < 0.1:
        columns[rng.choice(ODD_CELLS)] = columns.pop("x0")
    return columns


def _mutated_text(suffix: str, content: bytes, rng: Random) -> tuple[str, bytes]:
    match rng.randrange(4):
        case 0:
            return suffix, damaged_bytes(content, rng)
        case 1 | 2:
            return suffix, content  # its cells are odd
    text = edited_text(content.decode("utf-8-sig", "replace"), rng)
    return suffix, text.encode("utf-8", "surrogatepass")


def _mutated_csv(rng: Random) -> tuple[str, bytes]:
    separator = rng.choice(",,,;| \t")
    suffix, content = _mutated_text(".csv", _delimited(_odd_columns(rng), rng, separator), rng)
    return (".csv.gz", gzip.compress(content)) if rng.random() < 0.1 else (suffix, content)


def _mutated_tsv(rng: Random) -> tuple[str, bytes]:
    return _mutated_text(".tsv", _delimited(_odd_columns(rng), rng, "\t"), rng)


def _mutated_arff(rng: Random) -> tuple[str, bytes]:
    return _mutated_text(".arff", _arff(_odd_columns(rng), rng), rng)


def _mutated_npz(rng: Random) -> tuple[str, bytes]:
    content = _npz(_columns(rng), rng)
    if rng.random() < 0.2:
        return ".npz", damaged_bytes(content, rng)
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w") as new:
        victim = rng.choice(old.namelist())
        for name in old.namelist():  # with right checksums
            member = old.read(name)
            new.writestr(name, damaged_bytes(member, rng) if name == victim else member)
    return ".npz", buffer.getvalue()


def _mutated_zip(rng: Random) -> tuple[str, bytes]:
    return ".npz", edited_zip(_npz(_columns(rng), rng), rng)


def _mutated_parquet(rng: Random) -> tuple[str, bytes]:
    content = _parquet(_columns(rng), rng)
    return ".parquet", damaged_bytes(content, rng) if rng.random() < 0.4 else content


def _mutated_feather(rng: Random) -> tuple[str, bytes]:
    content = _feather(_columns(rng), rng)
    if rng.random() < 0.7:
        content = damaged_bytes(content, rng)
    return rng.choice((".feather", ".arrow")), content


def _mutated_excel(rng: Random) -> tuple[str, bytes]:
    content = _excel(_odd_columns(rng), rng)
    return ".xlsx", content if rng.random() < 0.3 else edited_zip(content, rng)


def _mutated_footer(rng: Random) -> tuple[str, bytes]:
    content = _parquet(_columns(rng), rng)
    end = len(content) - 8
    start = end - int.from_bytes(content[end : end + 4], "little")
    return ".parquet", damaged_bytes(content, rng, start, end)


def _odd_header(rng: Random) -> tuple[str, bytes]:
    """Return an NPZ file with an array whose header is odd."""
    header = (_odd_header_text(rng) + " " * rng.choice((0, 50, 9000)) + "\n").encode("latin1")
    version = rng.choice(((1, 0), (2, 0), (3, 0), (4, 0), (1, 1), (0, 0)))
    length = rng.choice((*[len(header)] * 6, 0, 1, 10_000, 65535, 2**31, 2**32 - 1))
    size = struct.pack("<I", length)
    if version[0] == 1:
        size = struct.pack("<H", min(length, 65535))
    data = rng.choice(
        (b"\0" * 320, b"", b"\xff" * 320, b"\x7f" * 319, rng.randbytes(160),
         struct.pack("<I", 0xD800) * 40, struct.pack("<I", 0x7FFFFFFF) * 40)
    )  # fmt: skip
    label, buffer = io.BytesIO(), io.BytesIO()
    np.save(label, np.array(list("pq") * 20))
    packing = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA))
    name = rng.choice(("X.npy", "X.npy", "X.npy", ".npy", "\x1b.npy", "a/../b.npy"))
    with zipfile.ZipFile(buffer, "w", packing) as archive:
        archive.writestr("y.npy", label.getvalue())
        archive.writestr(name, b"\x93NUMPY" + bytes(version) + size + header + data)
    return ".npz", buffer.getvalue()


def _odd_header_text(rng: Random) -> str:
    n = rng.choice((0, 3, 40, True, -1, 2**40, 10**30, 1.5, "3", None))
    header = {
        "descr": rng.choice(
            ("<f8", "<f2", "<f16", "<c16", "|O", "<U0", "<U1", "<U10", "<U99999999", "|S4", "|V8",
             "<M8[s]", ">i8", "|b1", "<f3", "f8", "U", "", "<U-1", [("a", "<f8")],
             [("a", "<f8", (2**30,))], ("<f8", (3,)), None, "|u1", "(1000000000,)f8")
        ),
        "fortran_order": rng.choice((False, True, 0, None)),
        "shape": rng.choice(
            ((n,), (n, n), (40, n), (n, 2), (), (40, 1, 1), (40,), n, [40], (40, 10**9),
             (0, 10**9), (40, 0))
        ),
    }  # fmt: skip
    if rng.random() < 0.1:
        del header[rng.choice(tuple(header))]
    if rng.random() < 0.1:
        header["z"] = 1
    text = repr(header)
    odd = ("(" * 9000, "-" * 9000 + "1", "[" * 5000, text.replace(",)", "L,)"), "", "\0",
           "9" * 9000, "'" * 99, "{" + "'a':1," * 1000 + "}", text[:-5], "f(1)",
           "1+" * 3000 + "1", "((" * 80, "\xff", "a" * 10_001)  # fmt: skip
    return text if rng.random() < 0.5 else rng.choice(odd)


KINDS: tuple[Callable[[Random], tuple[str, bytes]], ...] = (
    _mutated_csv, _mutated_tsv, _mutated_arff, _mutated_npz, _mutated_zip, _odd_header,
    _mutated_parquet, _mutated_footer, _mutated_feather, _mutated_excel,
)  # fmt: skip
