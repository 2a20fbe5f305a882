"""A file is written whole or not at all, whatever happens meanwhile."""

import os
import random
import stat
import subprocess
import sys
import time

import pytest
from helpers.commands import contents
from helpers.trials import trials

from blobtransfer.atomic_write import (
    LEFTOVER_S,
    PREFIX,
    find_write_obstacle,
    write_atomic,
    write_text,
)
from blobtransfer.errors import MachineError


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
    expected = MachineError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(expected), write_atomic(path) as temporary:
        assert temporary.suffix == ".txt"
        temporary.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["out.txt"]


@pytest.mark.parametrize("points_to", ["a file", "nothing", "itself", "a directory"])
@pytest.mark.parametrize("must_be_new", [False, True])
def test_a_link_is_never_written_through(tmp_path, points_to, must_be_new):
    link, target = tmp_path / "link.txt", tmp_path / "target.txt"
    if points_to == "a file":
        target.write_text("mine")
    elif points_to == "a directory":
        target.mkdir()
    link.symlink_to(link if points_to == "itself" else target)
    before = contents(tmp_path)
    assert "a symbolic link to" in find_write_obstacle(link)
    with (
        pytest.raises(MachineError, match="which is not followed"),
        write_atomic(link, must_be_new),
    ):
        pytest.fail("opened")
    assert contents(tmp_path) == before


def test_a_directory_may_be_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    write_text(tmp_path / "link" / "out.txt", ["new"])
    assert (tmp_path / "real" / "out.txt").read_text() == "new"


def test_a_second_name_of_a_file_keeps_its_content(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    os.link(tmp_path / "notes.txt", tmp_path / "out.txt")
    write_text(tmp_path / "out.txt", ["new"])
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_missing_directory_fails_with_its_reason(tmp_path):
    with pytest.raises(MachineError, match="none does not exist; make it first"):
        write_text(tmp_path / "none" / "out.txt", "")


def test_what_stands_in_the_way_of_writing_is_said_before_any_work(tmp_path):
    assert find_write_obstacle(tmp_path / "new.txt") is None
    assert "is a directory" in find_write_obstacle(tmp_path)
    assert "does not exist; make it first" in find_write_obstacle(tmp_path / "none" / "new.txt")
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in find_write_obstacle(tmp_path / "pipe")
    (tmp_path / "file").write_text("")
    assert "does not exist; make it first" in find_write_obstacle(tmp_path / "file" / "new.txt")


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_closed_directory_is_found_out_before_any_work(tmp_path):
    tmp_path.chmod(0o500)
    assert "no permission" in find_write_obstacle(tmp_path / "new.txt")


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
    assert "File name too long" in find_write_obstacle(tmp_path / ("x" * 300 + ".txt"))


def test_letters_that_are_no_text_are_escaped(tmp_path):
    write_text(tmp_path / "a.txt", ["m\udcc3del\n"])
    assert (tmp_path / "a.txt").read_text() == "m\\udcc3del\n"


def test_a_new_file_respects_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "a.txt", "")
        write_text(tmp_path / "a.txt", "again")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o640


def test_what_is_to_replace_a_private_file_is_private_from_the_start(tmp_path):
    path = tmp_path / "out.txt"
    path.write_text("old")
    path.chmod(0o600)
    with write_atomic(path) as temporary:
        assert stat.S_IMODE(temporary.stat().st_mode) == 0o600
        temporary.write_text("new")
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("new", 0o600)


def test_what_has_become_of_the_target_meanwhile_is_seen_at_the_end(tmp_path):
    path = tmp_path / "out.txt"
    assert find_write_obstacle(path) is None
    path.mkdir()
    with pytest.raises(MachineError, match="this is a directory"):
        write_text(path, "")
    path.rmdir()
    with pytest.raises(MachineError, match="nothing was changed"), write_atomic(path):
        path.mkdir()
    assert os.listdir(tmp_path) == ["out.txt"]


def test_a_file_is_written_and_synced_before_it_gets_its_name(tmp_path, monkeypatch):
    done = []
    for name in ("open", "fsync", "replace", "link"):
        real = getattr(os, name)

        def spy(*args, _name=name, _real=real, **kwargs):
            done.append(_name)
            return _real(*args, **kwargs)

        monkeypatch.setattr(os, name, spy)
    write_text(tmp_path / "a.txt", "new")
    # made, opened to be synced; then the directory
    assert done == ["open", "open", "fsync", "replace", "open", "fsync"]
    done.clear()
    with write_atomic(tmp_path / "b.txt", must_be_new=True):
        pass
    assert done == ["open", "open", "fsync", "link", "open", "fsync"]


def test_a_directory_that_cannot_be_synced_is_no_trouble(tmp_path, monkeypatch):
    real = os.fsync

    def fsync(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(22, "Invalid argument")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    write_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "new"


def test_a_disk_that_fails_while_syncing_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "out.txt"
    path.write_text("old")

    def fsync(descriptor):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(MachineError, match="Input/output error"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["out.txt"]


def test_where_there_are_no_hard_links_a_new_file_still_replaces_none(tmp_path, monkeypatch):
    def link(source, target):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    path = tmp_path / "out.txt"
    with write_atomic(path, must_be_new=True) as temporary:
        temporary.write_text("mine")
    with pytest.raises(FileExistsError), write_atomic(path, must_be_new=True) as temporary:
        temporary.write_text("late")
    assert path.read_text() == "mine"
    assert os.listdir(tmp_path) == ["out.txt"]


def test_what_a_killed_process_left_is_removed_after_a_day(tmp_path):
    old, young = (tmp_path / f"{PREFIX}{letter * 16}.csv" for letter in "a0")
    # somebody else's, however old
    others = [tmp_path / f"{PREFIX}{name}" for name in ("notes.txt", "a" * 15, "g" * 16)]
    for path in (old, young, *others):
        path.write_text("half")
    # Named like a temporary file, but not regular: they stay, and do not keep others from removal.
    strange = [tmp_path / f"{PREFIX}{letter * 16}" for letter in "bcd"]
    strange[0].mkdir()
    strange[1].symlink_to(tmp_path / "out.csv")
    os.mkfifo(strange[2])
    others += strange
    (tmp_path / "out.csv").write_text("whole")
    then = time.time() - LEFTOVER_S - 60
    for path in (old, *others):
        os.utime(path, (then, then), follow_symlinks=False)
    kept = [young.name, "out.csv", *(path.name for path in others)]
    with write_atomic(tmp_path / "out.csv") as temporary:
        assert (tmp_path / "out.csv").read_text() == "whole"
        assert sorted(os.listdir(tmp_path)) == sorted([temporary.name, *kept])
        temporary.write_text("new")
    assert sorted(os.listdir(tmp_path)) == sorted(kept)
    assert (tmp_path / "out.csv").read_text() == "new"


# ---------------------------------------------------------------- other processes

WRITER = """
import itertools, os, sys
from pathlib import Path
from blobtransfer.atomic_write import write_atomic, write_text

def write_forever(folder):
    for n, letter in enumerate(itertools.cycle("ab")):
        if n == 2:
            print("ready", flush=True)
        write_text(folder / "out.txt", itertools.repeat(letter * 1_000, 300))
        with write_atomic(folder / "new.txt", must_be_new=True) as temporary:
            temporary.write_text(letter * 300_000)
        os.unlink(folder / "new.txt")

def write_new(folder, letter):
    print("ready", flush=True)
    sys.stdin.readline()
    for i in range(200):
        try:
            with write_atomic(folder / f"{i}.txt", must_be_new=True) as temporary:
                temporary.write_text(letter * 50_000)
            print(i)
        except FileExistsError:
            pass
"""


@pytest.mark.slow
@pytest.mark.exhaustive
def test_kill_9_at_random_moments_leaves_the_old_file_or_the_new_one(tmp_path):
    rng, n_kills = random.Random(1234), trials(10)
    path, new = tmp_path / "out.txt", tmp_path / "new.txt"
    path.write_text("a" * 300_000)
    n_in_the_middle, seen = 0, set()
    for _ in range(n_kills):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER + "write_forever(Path(sys.argv[1]))", tmp_path],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert writer.stdout.readline() == "ready\n"
        time.sleep(rng.uniform(0, 0.03))
        writer.kill()
        writer.wait()
        writer.stdout.close()
        for file in (path, new) if new.exists() else (path,):
            content = file.read_text()
            assert len(content) == 300_000
            assert content in ("a" * 300_000, "b" * 300_000)
            seen.add(content[0])
        new.unlink(missing_ok=True)
        leftovers = list(tmp_path.glob(f"{PREFIX}*"))
        n_in_the_middle += bool(leftovers)
        for leftover in leftovers:
            leftover.unlink()
    # The moments are worth something: files were replaced, and some kills hit a half-written one.
    assert seen == {"a", "b"}
    assert n_in_the_middle >= n_kills // 10


def test_of_several_that_must_be_new_at_once_one_is_written_and_whole(tmp_path):
    writers = {
        letter: subprocess.Popen(
            [sys.executable, "-c", WRITER + "write_new(Path(sys.argv[1]), sys.argv[2])",
             tmp_path, letter],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for letter in "abc"
    }  # fmt: skip
    for writer in writers.values():
        assert writer.stdout.readline() == "ready\n"
    for writer in writers.values():
        writer.stdin.write("go\n")
        writer.stdin.flush()
    won = {letter: writer.communicate()[0].split() for letter, writer in writers.items()}
    assert {writer.returncode for writer in writers.values()} == {0}
    assert sorted(int(i) for of_one in won.values() for i in of_one) == list(range(200))
    for letter, of_one in won.items():
        for i in of_one:
            assert (tmp_path / f"{i}.txt").read_text() == letter * 50_000
    assert len(os.listdir(tmp_path)) == 200
