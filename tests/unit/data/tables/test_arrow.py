"""Parquet and Arrow IPC (Feather) -> raw tables: every type, exact values, and the limits."""

import datetime
import struct
import tracemalloc
from decimal import Decimal
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from helpers.tables import columns_of, read_file, read_text
from helpers.trials import trials
from pyarrow import feather, ipc, parquet

from blobtransfer.data.tables import arrow, reading
from blobtransfer.data.tables.reading import ReadOptions
from blobtransfer.errors import TableFileError


def write_parquet(table, folder, **options):
    parquet.write_table(table, folder / "a.parquet", **options)
    return folder / "a.parquet"


def write_feather(table, folder, compression="lz4", **options):
    feather.write_feather(table, folder / "a.feather", compression=compression)
    return folder / "a.feather"


def write_stream(table, folder, **options):
    with pa.OSFile(str(folder / "a.arrow"), "wb") as file:
        with ipc.new_stream(file, table.schema) as writer:
            writer.write_table(table, max_chunksize=2)
    return folder / "a.arrow"


WRITERS = (write_parquet, write_feather, write_stream)


@pytest.fixture(params=WRITERS)
def write(request, tmp_path):
    """Return the function that writes a table in one of the formats and returns its path."""
    return lambda table, **options: request.param(table, tmp_path, **options)


WORD_TYPES = ("string", "large_string", "string_view", "dictionary")


def words_of_type(words, kind):
    words = pa.array(words)
    return words.dictionary_encode() if kind == "dictionary" else words.cast(kind)


@pytest.mark.parametrize("kind", WORD_TYPES)
@pytest.mark.parametrize("use_dictionary", [True, False])
def test_words_of_every_type_are_the_same_column(write, kind, use_dictionary):
    words = words_of_type(["b", None, "a", "b", "", "c", "a"], kind)
    path = write(pa.table({"w": words}), row_group_size=2, use_dictionary=use_dictionary)
    column = read_file(path).column("w")
    assert column.words == ("b", "a", "c")
    assert column.codes.tolist() == [0, -1, 1, 0, -1, 2, 1]


@pytest.mark.parametrize("kind", ["bool", "int8", "uint64", "float16", "float32", "float64"])
def test_numbers_of_every_type_are_read_with_what_is_missing(write, kind):
    values = pa.array(np.array([1, 0, 1], kind), mask=np.array([False, False, True]))
    table = pa.table({"x": values, "z": values.fill_null(values[0])})
    assert columns_of(read_file(write(table, row_group_size=2))) == {
        "x": [1, 0, None], "z": [1, 0, 1],
    }  # fmt: skip


def test_whole_numbers_and_decimals_keep_their_digits(write):
    big = 1750000000000000000
    columns = {
        "i": pa.array([big, big + 1, None]),
        "u": pa.array([2**63, 2**63 + 1, 1], pa.uint64()),
        "d": pa.array([Decimal("5.10"), Decimal("0.30"), None]),
        "c": pa.array([big, big + 1, big]).dictionary_encode(),
    }
    path = write(pa.table(columns))
    assert columns_of(read_file(path, as_words=set(columns))) == {
        "i": [str(big), str(big + 1), None],
        "u": [str(2**63), str(2**63 + 1), "1"],
        "d": ["5.1", "0.3", None],
        "c": [str(big), str(big + 1), str(big)],
    }
    assert columns_of(read_file(path))["d"] == [5.1, 0.3, None]


def test_booleans_are_words_in_one_spelling(write):
    table = pa.table({"y": [True, False], "z": [True, None]})
    assert columns_of(read_file(write(table), as_words={"y", "z"})) == {
        "y": ["True", "False"], "z": ["True", None],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pa.array([1, None], pa.timestamp("s")), ""),  # whatever dates are called
        (pa.array([1, None], pa.timestamp("ns", tz="Mars/Olympus")), ""),
        (pa.array([1, None], pa.date32()), ""),
        (pa.array([1, None], pa.time64("us")), ""),
        (pa.array([1, None], pa.duration("s")), ""),
        (pa.array([[1], None]), "list"),
        (pa.array([b"a", None]), "binary"),
        (pa.array([{"a": 1}, None]), "struct"),
        (pa.array([b"0" * 16, None], pa.uuid()), "uuid"),
        (pa.array(["x" * 10_001, None]), "10,001 bytes"),
    ],
)
def test_other_types_are_refused_only_if_they_are_used(write, values, kind):
    table = read_file(write(pa.table({"x": [1, 2], "z": values, "z.y": [3, 4]})))
    assert table.heads == ("x", "z", "z.y")
    assert kind in table.column("z").kind
    assert table.column("x").numbers.tolist() == [1, 2]
    assert table.column("z.y").numbers.tolist() == [3, 4]


@pytest.mark.parametrize("use_dictionary", [True, False])
def test_text_of_parquet_that_is_not_utf8_is_refused_only_if_it_is_used(tmp_path, use_dictionary):
    words = pa.array([b"\xff", b"a"]).view(pa.string())
    path = write_parquet(
        pa.table({"x": [1, 2], "w": words}), tmp_path, use_dictionary=use_dictionary
    )
    table = read_file(path)
    assert table.column("x").numbers.tolist() == [1, 2]
    assert "UTF-8" in table.column("w").kind


def test_a_column_of_nulls_is_missing(write):
    table = read_file(write(pa.table({"x": [1, 2], "z": pa.nulls(2)})), as_words={"z"})
    assert columns_of(table) == {"x": [1, 2], "z": [None, None]}


def test_repeated_names_are_kept_apart(write):
    table = pa.table([[1, 2], ["a", "b"]], names=["a", "a"])
    assert columns_of(read_file(write(table))) == {"a": [1, 2], "column 2": ["a", "b"]}
    table = pa.table([[1, 2], [[1], [2]]], names=["a", "a"])
    assert read_file(write(table)).column("a").kind == "int64"


@pytest.mark.parametrize("kind", WORD_TYPES)
def test_words_that_no_row_has_are_not_read(write, kind):
    column = pa.DictionaryArray.from_arrays([1, 1, 2], words_of_type(["no", "a", "a"], "string"))
    assert columns_of(read_file(write(pa.table({"w": column})))) == {"w": ["a", "a", "a"]}


@pytest.mark.parametrize(
    ("index", "name", "head"),
    [
        (pd.RangeIndex(3), None, None),
        (pd.RangeIndex(3), "id", None),
        (pd.Index([5, 6, 7]), None, ""),
        (pd.Index([5, 6, 7]), "id", "id"),
    ],
)
def test_an_index_of_pandas_is_a_column_if_it_is_stored(tmp_path, index, name, head):
    frame = pd.DataFrame({"x": [1, 2, 3], "c": pd.Categorical(["a", "b", "a"])}, index=index)
    frame.index.name = name
    frame.to_parquet(tmp_path / "a.parquet")
    table = read_file(tmp_path / "a.parquet")
    assert sorted(table.heads) == sorted(["x", "c", *([] if head is None else [head])])


@pytest.mark.exhaustive
def test_what_pandas_writes_is_read_back(tmp_path):
    for seed in range(trials(15)):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(1, 9))
        frame = pd.DataFrame(
            {
                "f": rng.normal(size=n).astype(rng.choice(["f4", "f8"])),
                "i": rng.integers(0, 100, n).astype(rng.choice(["i1", "u2", "i8"])),
                "b": rng.random(n) < 0.5,
                "w": pd.Series(rng.choice(["a", "b c", "é"], n), dtype=object),
                "c": pd.Categorical(rng.choice(["p", "q"], n)),
                "n": pd.Series(rng.choice([0.5, None], n), dtype="Float64"),
            }
        )
        frame.to_parquet(tmp_path / "a.parquet")
        frame.to_feather(tmp_path / "a.feather")
        for name in ("a.parquet", "a.feather"):
            columns = columns_of(read_file(tmp_path / name))
            for head in ("f", "i", "b", "w", "c"):
                assert columns[head] == frame[head].tolist()
            assert columns["n"] == [None if value is pd.NA else value for value in frame["n"]]


# ------------------------------------------------------------------------- hostile files


@pytest.mark.parametrize("suffix", [".parquet", ".feather", ".arrow", ".ipc"])
@pytest.mark.parametrize(
    "content", ["PAR1 and no more", "ARROW1\0\0 and no more", "FEA1", "\0" * 9]
)
def test_a_damaged_file_is_one_line(tmp_path, suffix, content):
    with pytest.raises(TableFileError, match="looks damaged; save it again"):
        read_text(tmp_path, content, suffix)


def test_a_table_without_rows_is_refused(write):
    with pytest.raises(TableFileError, match="no rows"):
        read_file(write(pa.table({"x": pa.array([], pa.int8()), "w": pa.array([], pa.string())})))


def test_numbers_of_parquet_never_are_python_objects(tmp_path):
    n_rows = 200_000
    content = write_parquet(pa.table({"x": np.arange(n_rows) + 0.5}), tmp_path).read_bytes()
    arrow.read(content, ".parquet", ReadOptions())  # imports
    tracemalloc.start()
    try:
        arrow.read(content, ".parquet", ReadOptions())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < len(content) + 2.5 * 8 * n_rows  # a Python float takes 24 bytes, and 8


@pytest.mark.parametrize(
    ("n_rows", "n_bytes", "problem"),
    [(10**8, 10, "more than 20,000,000 cells"), (5, 10**9, "bytes unpacked")],
)
def test_parquet_is_measured_by_its_metadata(n_rows, n_bytes, problem):
    schema = pa.schema({"x": pa.int8(), "y": pa.string()})
    metadata = SimpleNamespace(
        num_rows=n_rows,
        num_row_groups=2,
        row_group=lambda i: SimpleNamespace(total_byte_size=n_bytes // 2),
    )
    with pytest.raises(reading.TableProblem, match=problem):
        arrow._check_metadata(schema, metadata)


@pytest.mark.parametrize("n_announced", [3, 8, 20])
def test_parquet_is_read_no_further_than_the_announced_rows(tmp_path, monkeypatch, n_announced):
    path = write_parquet(pa.table({"x": list(range(10))}), tmp_path)
    monkeypatch.setattr(arrow, "BATCH_ROWS", 2)
    n_read = []
    compact = arrow._compact

    def counted(array, is_words):
        n_read.append(len(array))
        return compact(array, is_words)

    monkeypatch.setattr(arrow, "_compact", counted)
    assert read_file(path).n_rows == sum(n_read) == 10
    n_read.clear()
    # The rows of the file, before its row groups: 10 is written as 20, for the sign.
    content = path.read_bytes()
    before = b"\x16\x14\x19"
    assert content.count(before) == 1
    path.write_bytes(content.replace(before, bytes([0x16, 2 * n_announced, 0x19])))
    with pytest.raises(TableFileError, match="looks damaged"):
        read_file(path)
    assert sum(n_read) <= n_announced


def test_metadata_of_parquet_is_measured_before_it_is_unpacked(tmp_path):
    content = b"PAR1" + struct.pack("<I", 30_000_000) + b"PAR1"
    with pytest.raises(TableFileError, match="30,000,000 bytes of metadata"):
        read_text(tmp_path, content, ".parquet")


@pytest.mark.parametrize("compression", ["uncompressed", "lz4", "zstd"])
def test_feather_is_measured_before_it_is_unpacked(tmp_path, monkeypatch, compression):
    table = pa.table(
        {"x": np.zeros(50_000), "w": pa.array(["a", "b"] * 25_000).dictionary_encode()}
    )
    path = write_feather(table, tmp_path, compression)
    assert read_file(path).n_rows == 50_000
    size = 8 * 50_000 + 4 * 50_000 + 14
    for limit, is_read in ((size + 200, True), (size - 1, False)):
        monkeypatch.setattr(arrow, "MAX_UNPACKED_BYTES", limit)
        reading._read_cached.cache_clear()
        if is_read:
            assert read_file(path).n_rows == 50_000
        else:
            with pytest.raises(TableFileError, match="bytes unpacked"):
                read_file(path)
    monkeypatch.setattr(reading, "MAX_TABLE_CELLS", 99_999)
    with pytest.raises(TableFileError, match="more than 99,999 cells"):
        read_file(path)


def test_offsets_of_feather_that_point_elsewhere_are_damage(tmp_path):
    path = write_feather(pa.table({"w": ["aaaa", "bbbb"]}), tmp_path, "uncompressed")
    content = path.read_bytes()
    offsets = struct.pack("<3i", 0, 4, 8)
    assert content.count(offsets) == 1
    path.write_bytes(content.replace(offsets, struct.pack("<3i", 0, 2**30, 8)))
    with pytest.raises(TableFileError, match="looks damaged"):
        read_file(path)


def test_dates_are_whole(write):
    table = read_file(write(pa.table({"d": [datetime.date(2024, 2, 29)]})), as_words={"d"})
    assert columns_of(table) == {"d": ["2024-02-29 00:00:00"]}
