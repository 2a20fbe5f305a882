"""Arrays of NumPy -> raw tables: the layouts that people save, and the limits."""

import io
import struct
import zipfile

import numpy as np
import pytest
from helpers.tables import columns_of, read_file, read_text
from helpers.trials import trials

from blobtransfer.data.tables import archives, npz
from blobtransfer.errors import TableFileError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.npz"


def test_arrays_are_columns_or_blocks_of_columns(path):
    words = np.array(["a", "b", ""])
    np.savez(path, X=np.arange(6.0).reshape(3, 2), y=np.array([0, 1, 0]), w=words)
    assert columns_of(read_file(path, as_words={"y"})) == {
        "X_1": [0, 2, 4], "X_2": [1, 3, 5], "y": ["0", "1", "0"], "w": ["a", "b", None],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("labels", "values"),
    [
        (np.array([[0], [1], [2]]), [0, 1, 2]),
        (np.eye(3)[[2, 0, 1]], [2, 0, 1]),
        (np.eye(3, dtype=bool)[[2, 0, 1]], [2, 0, 1]),
        (np.array([b"a", b"b", "é".encode()]), ["a", "b", "é"]),
        (np.array([["a"], ["b"], ["c"]]), ["a", "b", "c"]),
    ],
)
@pytest.mark.parametrize("key", ["y", "labels", "Target"])
def test_labels_of_every_layout_are_one_column(path, labels, values, key):
    np.savez(path, X=np.zeros((3, 2)), **{key: labels})
    table = read_file(path)
    assert columns_of(table) == {"X_1": [0] * 3, "X_2": [0] * 3, key: values}
    assert len(table.notes) == (labels.ndim == 2 and labels.shape[1] == 3)


def test_labels_of_several_values_per_row_are_one_hot_or_not_read(path):
    for labels in (np.array([[1, 1], [0, 1]]), np.array([[1, 2], [0, 1]]), np.zeros((2, 2))):
        np.savez(path, x=np.zeros(2), y=labels)
        table = read_file(path)
        assert table.heads == ("x", "y")  # y_1 as the label would leave y_2 as a feature
        assert "2 values per row" in table.column("y").kind
    np.savez(path, X=np.eye(2), y=np.zeros(2))
    assert list(columns_of(read_file(path))) == ["X_1", "X_2", "y"]
    np.savez(path, x=np.zeros(2), kind=2 * np.eye(3)[[1, 0]] - 1)
    assert list(columns_of(read_file(path))) == ["x", "kind_1", "kind_2", "kind_3"]
    np.savez(path, x=np.zeros(2), kind=2 * np.eye(3)[[1, 0]] - 1)
    assert columns_of(read_file(path, as_words={"kind"}))["kind"] == ["1", "0"]


@pytest.mark.parametrize(
    ("names", "block", "label"),
    [
        ("x_train y_train x_test y_test", "x", "y"),
        ("X_train y_train X_test y_test", "X", "y"),
        ("trainX trainY testX testY", "X", "Y"),
        ("train_images train_labels test_images test_labels", "images", "labels"),
        ("X_Train Y_Train X_Test Y_Test", "X", "Y"),
        ("x_tr y_tr x_te y_te", "x", "y"),
    ],
)
def test_training_and_test_arrays_are_one_table_with_a_split(path, names, block, label):
    arrays = [np.zeros((3, 2, 2)), [[1], [0], [1]], np.ones((2, 2, 2)), [[0], [1]]]
    others = {"val_images": np.zeros((9, 2)), "classes_of_all": np.array(["a", "b"])}
    np.savez(path, **dict(zip(names.split(), arrays, strict=True)), **others)
    table = read_file(path)
    columns = columns_of(table)
    assert list(columns) == [*(f"{block}_{i}" for i in range(1, 5)), label, "split"]
    assert columns[f"{block}_1"] == [0, 0, 0, 1, 1]
    assert columns[label] == [1, 0, 1, 0, 1]
    assert columns["split"] == ["train"] * 3 + ["test"] * 2
    assert table.split == "split"
    assert "val_images" in table.notes[0]


def test_indices_of_a_split_are_no_table(path):
    np.savez(path, X=np.zeros((5, 2)), y=np.arange(5), idx_train=np.arange(3), idx_test=[3, 4])
    table = read_file(path)
    assert (table.heads, table.split) == (("X_1", "X_2", "y"), None)


@pytest.mark.parametrize("key", ["target", "w"])
def test_arrays_that_do_not_fit_are_left_out_with_a_note(path, key):
    arrays = {"data": np.zeros((5, 2)), key: np.arange(5), "z": np.zeros(5)}
    others = {"feature_names": np.array(["a", "b"]), "n": np.array(5), "more": np.zeros((2, 9)),
              "objects": np.array([{}, {}, {}], object)}  # fmt: skip
    np.savez(path, **others, **arrays)
    table = read_file(path)
    assert list(columns_of(table)) == ["data_1", "data_2", key, "z"]
    assert all(name in table.notes[0] for name in others)


@pytest.mark.parametrize(
    ("array", "kind"),
    [
        (np.array([{}, 1], object), "Python objects"),
        (np.zeros(2, complex), "complex128"),
        (np.zeros(2, "M8[s]"), "datetime64[s]"),
        (np.zeros(2, [("a", "f8")]), "[('a', '<f8')]"),
        (np.array([b"\xff", b"a"]), "bytes that are not UTF-8"),
        (np.array(["x" * 10_001, "a"]), "<U10001"),
    ],
)
def test_other_types_are_refused_only_if_they_are_used(path, array, kind):
    np.savez(path, x=np.zeros(2), z=array)
    table = read_file(path)
    assert table.column("z").kind == kind
    assert table.column("x").numbers.tolist() == [0, 0]
    with pytest.raises(TableFileError, match="column z has "):
        read_file(path, as_words={"z"}).column("z")


@pytest.mark.parametrize("y", [np.zeros(3), np.zeros((3, 2))])
def test_labels_of_another_length_are_refused(path, y):
    np.savez(path, x=np.zeros((4, 2)), y=y)
    with pytest.raises(TableFileError, match="x has 4 rows, but y has 3"):
        read_file(path)


@pytest.mark.parametrize("arrays", [{"x": np.zeros(0)}, {"x": np.array(1.0)}, {}])
def test_a_file_without_rows_is_refused(path, arrays):
    np.savez(path, **arrays)
    with pytest.raises(TableFileError, match="no rows"):
        read_file(path)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", ["?", "i1", ">i2", "u4", "u8", "f2", ">f4", "f8"])
def test_numbers_of_every_type_and_order_are_read(path, kind, order):
    np.savez(path, X=np.array([[0, 1], [1, 0], [1, 1]], kind, order=order))
    assert columns_of(read_file(path)) == {"X_1": [0, 1, 1], "X_2": [1, 0, 1]}


def test_whole_numbers_keep_their_digits(path):
    for values, words in (
        (np.array([2**63 + 1, 1], "u8"), ["9223372036854775809", "1"]),
        (np.array([0, 1]), ["0", "1"]),
        (np.array([0.0, 1.0, np.nan]), ["0", "1", None]),
        (np.array([0.5, np.inf]), ["0.5", "inf"]),
    ):
        np.savez(path, y=values)
        assert columns_of(read_file(path, as_words={"y"})) == {"y": words}


@pytest.mark.exhaustive
def test_what_savez_writes_is_read_back(path):
    for seed in range(trials(30)):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(1, 9))
        save = (np.savez, np.savez_compressed)[seed % 2]
        x, w = rng.normal(size=(n, 3)), rng.choice(["a", "b c", "é"], n)
        save(
            path,
            X=x,
            w=w.astype("S" if seed % 3 and "é" not in w else "U"),
            y=rng.integers(3, size=n),
        )
        columns = columns_of(read_file(path))
        assert np.array([columns[f"X_{i}"] for i in (1, 2, 3)]).T.tobytes() == x.tobytes()
        assert columns["w"] == w.tolist()


# ------------------------------------------------------------------------- hostile files

FLOATS = "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }"


def write_members(path, members, compression=zipfile.ZIP_STORED):
    """Write arrays by their names: header, data, and what differs from version 1 of the format."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, (header, data, *other) in members.items():
            version, length = other or ((1, 0), len(header))
            size = struct.pack("<H" if version == (1, 0) else "<I", length)
            content = b"\x93NUMPY" + bytes(version) + size + header.encode() + data
            archive.writestr(f"{name}.npy", content)
    return path


def test_an_array_that_claims_more_than_fits_is_refused_before_it_is_unpacked(path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (10**10,)}
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", header.getvalue())
    with pytest.raises(TableFileError, match="more than 20,000,000 cells"):
        read_file(path)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_a_header_that_claims_to_be_long_is_refused_unread(path, version):
    length = 65_000 if version == (1, 0) else 3_900_000_000
    write_members(path, {"x": (FLOATS, b"", version, length)})
    with pytest.raises(TableFileError, match=f"x.npy has a header of {length:,} bytes"):
        read_file(path)
    write_members(path, {"x": (FLOATS, b"\0" * 24, version, len(FLOATS))})
    assert columns_of(read_file(path)) == {"x": [0, 0, 0]}


@pytest.mark.parametrize(
    "header",
    [
        *(
            FLOATS.replace("(3,)", shape)
            for shape in ("(True,)", "(-3,)", "(3.0,)", "()", "3", "[3]")
        ),
        FLOATS.replace("'<f8'", "'f9'"), FLOATS.replace("'<f8'", "None"),
        "(" * 9_000, "-" * 9_000 + "1", "9" * 9_000, "{}", "", "\n",
    ],
)  # fmt: skip
def test_damaged_headers_are_one_line(path, header):
    write_members(path, {"x": (header, b"\0" * 24)})
    with pytest.raises(TableFileError) as error:
        read_file(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("version", [(0, 0), (1, 1), (4, 0)])
def test_versions_that_numpy_does_not_write_are_damage(path, version):
    write_members(path, {"x": (FLOATS, b"\0" * 24, version, len(FLOATS))})
    with pytest.raises(TableFileError, match="looks damaged"):
        read_file(path)


@pytest.mark.parametrize(
    ("shape", "problem"),
    [
        ("(1, 20000000)", "20,000,000 columns; at most 10,000"),
        ("(3, 9000000)", "9,000,000 columns; at most 10,000"),
        ("(3, 3000, 3000)", "9,000,000 columns; at most 10,000"),
        ("(30000000,)", "more than 20,000,000 cells"),
    ],
)
def test_an_array_is_measured_by_its_shape(path, shape, problem):
    write_members(path, {"x": (FLOATS.replace("(3,)", shape), b"")})
    with pytest.raises(TableFileError, match=problem):
        read_file(path)


def test_all_headers_are_added_up_before_any_data_is_read(path, monkeypatch):
    monkeypatch.setattr(npz, "MAX_UNPACKED_BYTES", 40)
    write_members(path, {"x": (FLOATS, b"cut"), "y": (FLOATS, b"cut")})
    with pytest.raises(TableFileError, match="more than 40 bytes unpacked"):
        read_file(path)


@pytest.mark.parametrize("n_bytes", [0, 23, 25, 100_000])
def test_an_array_whose_data_is_not_as_long_as_its_header_says_is_damaged(path, n_bytes):
    write_members(path, {"x": (FLOATS, b"\0" * n_bytes)})
    with pytest.raises(TableFileError, match="looks damaged"):
        read_file(path)


@pytest.mark.parametrize("code", [0x7FFFFFFF, 0x110000, 0xD800])
@pytest.mark.parametrize("order", "<>")
def test_words_that_are_not_unicode_are_damage(path, code, order):
    words = FLOATS.replace("<f8", f"{order}U1")
    write_members(path, {"x": (words, struct.pack(f"{order}I", code) * 3)})
    with pytest.raises(TableFileError, match="looks damaged"):
        read_file(path)


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_members_that_python_would_unpack_without_bound_are_refused(path, compression):
    write_members(path, {"x": (FLOATS, b"\0" * 24)}, compression)
    with pytest.raises(TableFileError, match="compression"):
        read_file(path)


def test_members_are_counted_before_they_are_listed(path, monkeypatch):
    np.savez(path, **{name: np.zeros(1) for name in "xyz"})
    monkeypatch.setattr(archives, "MAX_MEMBERS", 2)
    monkeypatch.setattr(zipfile, "ZipFile", None)
    with pytest.raises(TableFileError, match="more than 2 arrays"):
        read_file(path)


@pytest.mark.parametrize("content", [b"PK\x03\x04", b"not a zip", b"\0" * 100])
def test_a_damaged_npz_is_one_line(tmp_path, content):
    with pytest.raises(TableFileError, match="looks damaged; save it again"):
        read_text(tmp_path, content, ".npz")


def test_other_members_than_arrays_are_refused(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("note.txt", "hello")
    with pytest.raises(TableFileError, match=r"note.txt is not an array"):
        read_file(path)
