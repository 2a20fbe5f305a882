import os
import stat

import pytest

from blobtransfer.errors import EnvironmentFailed
from blobtransfer.files import why_not_writable, write_atomic, write_text


def test_a_file_is_replaced_whole_and_keeps_its_mode(tmp_path):
    path = tmp_path / "out.txt"
    path.write_text("old")
    path.chmod(0o640)
    write_text(path, ["new ", "é\n"])
    assert path.read_bytes() == "new é\n".encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["out.txt"]


def test_a_new_file_gets_the_mode_that_open_would_give(tmp_path):
    write_text(tmp_path / "a.txt", "")
    (tmp_path / "b.txt").write_text("")
    assert (tmp_path / "a.txt").stat().st_mode == (tmp_path / "b.txt").stat().st_mode


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_whatever_goes_wrong_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "out.txt"
    path.write_text("old")
    expected = EnvironmentFailed if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(expected), write_atomic(path) as temporary:
        assert temporary.suffix == ".txt"
        temporary.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["out.txt"]


def test_a_link_is_followed(tmp_path):
    (tmp_path / "real").mkdir()
    target = tmp_path / "real" / "out.txt"
    link = tmp_path / "link.txt"
    link.symlink_to(target)
    write_text(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_a_missing_directory_fails_with_its_reason(tmp_path):
    with pytest.raises(EnvironmentFailed, match="there is no directory"):
        write_text(tmp_path / "none" / "out.txt", "")


def test_what_stands_in_the_way_of_writing_is_said_before_any_work(tmp_path):
    assert why_not_writable(tmp_path / "new.txt") is None
    assert "is a directory" in why_not_writable(tmp_path)
    assert "no directory" in why_not_writable(tmp_path / "none" / "new.txt")
    os.mkfifo(tmp_path / "pipe")
    assert "no ordinary file" in why_not_writable(tmp_path / "pipe")
    (tmp_path / "file").write_text("")
    assert "no directory" in why_not_writable(tmp_path / "file" / "new.txt")


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_closed_directory_is_found_out_before_any_work(tmp_path):
    tmp_path.chmod(0o500)
    assert "no permission" in why_not_writable(tmp_path / "new.txt")


def test_a_file_that_must_be_new_is_never_replaced(tmp_path):
    path = tmp_path / "out.txt"
    with pytest.raises(FileExistsError), write_atomic(path, must_be_new=True) as temporary:
        temporary.write_text("mine")
        path.write_text("theirs")
    assert path.read_text() == "theirs"
    assert os.listdir(tmp_path) == ["out.txt"]
    path.unlink()
    with write_atomic(path, must_be_new=True) as temporary:
        temporary.write_text("mine")
    assert path.read_text() == "mine"


def test_a_name_that_is_too_long_is_said_before_any_work(tmp_path):
    assert "File name too long" in why_not_writable(tmp_path / ("x" * 300 + ".txt"))


def test_letters_that_are_no_text_are_escaped(tmp_path):
    write_text(tmp_path / "a.txt", ["m\udcc3del\n"])
    assert (tmp_path / "a.txt").read_text() == "m\\udcc3del\n"
