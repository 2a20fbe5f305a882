"""Long work that is kept: stopped, extended, computed in parts, and shown, with real commands."""

import json
import os
import random
import re
import signal
import sqlite3
import time
from functools import partial
from pathlib import Path

import pytest
from helpers.clusters import wait_until
from helpers.commands import (
    assert_one_line,
    assert_refused,
    contents,
    run_process,
    with_files_of_at_most,
    without_cautions,
    works,
)
from helpers.stores import (
    COMMANDS,
    ENDLESS,
    FRESH,
    LONG,
    QUIET,
    journal_that_is_a_fifo,
    lock_that_is_a_link,
    n_blocks,
    super_journal,
    without_times,
)
from helpers.texts import says_in_order
from helpers.trials import third_of

import blobtransfer.running.fingerprint
from blobtransfer.cli import show
from blobtransfer.results.provenance import installed_versions
from blobtransfer.results.store.store import Store


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", third_of(COMMANDS))
def test_what_is_kept_and_extended_is_what_one_run_gives(name, run, tmp_path):
    command, fewer, more = COMMANDS[name]
    outputs = ("-o", "one.csv", "-o", "one.json")
    assert run(*command, *more, *QUIET, *outputs).code == 0
    one = (tmp_path / "one.csv").read_bytes(), without_times(tmp_path / "one.json")
    assert run(*command, *fewer, *QUIET, "--store", "a.db").code == 0
    for again in (command, command, ()):
        # extended, there already, and shown
        given = (*again, *more, "--store", "a.db") if again else ("show", "a.db")
        done = run(*given, *QUIET, *outputs)
        assert (done.code, without_cautions(done.err)) == (0, "")
        assert (tmp_path / "one.csv").read_bytes() == one[0]
        assert without_times(tmp_path / "one.json") == one[1]
    with sqlite3.connect("a.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    assert "a.db.lock" not in os.listdir()


def test_what_is_there_is_not_trained_again(run, monkeypatch):
    command = (*FRESH, "--repeats", "6", *QUIET, "--store", "a.db")
    first = run(*command)

    def refuse(*_):
        raise AssertionError

    monkeypatch.setattr("blobtransfer.engines.compiled.engine.CompiledEngine.train", refuse)
    monkeypatch.setattr("blobtransfer.engines.compiled.engine.CompiledEngine.start", refuse)
    assert run(*command) == first
    assert run("show", "a.db", *QUIET) == first


def test_another_margin_reads_what_is_there_again(run):
    command = (*FRESH, "--repeats", "30", *QUIET)
    run(*command, "--store", "a.db")
    wanted = run(*command, "--margin", "0.3", "--low", "0.2").out
    assert run(*command, "--margin", "0.3", "--low", "0.2", "--store", "a.db").out == wanted
    assert run("show", "a.db", *QUIET).out == wanted
    assert run("show", "a.db", "--margin", "0.01", *QUIET).out != wanted


def test_notes_say_what_is_there_and_what_is_kept(run):
    command = (*FRESH, "--store", "a.db", "--no-plot", "--format", "csv")
    first = run(*command, "--repeats", "1500").err.splitlines()
    assert first[-1] == "a.db has 1,500 of 1,500 repeats"
    again = run(*command, "--repeats", "2000").err.splitlines()
    assert again[0] == "a.db has 1,500 of 2,000 repeats"
    assert says_in_order(again[1], "note: ", "a look at 1,500 repeats")
    assert again[-1] == "a.db has 2,000 of 2,000 repeats"
    fewer = run(*command, "--repeats", "10").err
    assert "a.db has 10 of 10 repeats" in fewer and "a look" not in fewer


def test_a_look_is_said_to_be_the_second_where_there_was_a_first(run):
    part = run(*FRESH, "--repeats", "10", "--only-repeats", "0..4", *QUIET[1:], "--store", "a.db")
    assert part.code == 0
    assert "a look" not in run(*FRESH, "--repeats", "20", "--no-plot", "--store", "a.db").err
    assert (
        "a look at 20 repeats" in run(*FRESH, "--repeats", "21", "--no-plot", "--store", "a.db").err
    )
    command = (*FRESH, "--fixed", "2", "--no-plot", "--store", "b.db")
    run(*command, "--until-decided", "--max-repeats", "110")
    assert "a look at 110 repeats" in run(*command, "--repeats", "300").err


def test_show_gives_what_the_last_command_asked_for(run, monkeypatch):
    monkeypatch.setattr("blobtransfer.execution.dask.CONNECT_S", 0.5)
    command = (*FRESH, *QUIET, "--format", "csv", "--store", "a.db")
    show = ("show", "a.db", *QUIET, "--format", "csv")
    few, more = (run(*command, "--repeats", n).out for n in ("8", "9"))
    assert run(*show).out == more != few
    assert run(*command, "--repeats", "8").out == few == run(*show).out
    failed = run(*FRESH, "--repeats", "5000", "--scheduler", "127.0.0.1:9", "--store", "a.db")
    assert failed.code == 1 and "9 of 5,000 repeats stored" in failed.err
    assert run(*show).out == more
    assert run(*command, "--repeats", "8").out == few == run(*show).out


@pytest.mark.parametrize("name", ["v.csv", "caf\udce9.csv"])
def test_a_table_may_have_another_name_and_is_the_same(name, run, tmp_path):
    for own, shift in (("s.csv", 100), ("u.csv", 0), (name, 0)):
        rows = "".join(f"{i * i % 61 + shift}.5,{i % 5},{'ab'[i % 2]}\n" for i in range(60))
        (tmp_path / own).write_text(f"p,q,label\n{rows}")
    options = ("--epochs", "2", "--repeats", "5", "--sources", "fresh", "--format", "csv", *QUIET)

    def of(table, *more):
        tables = ("--source", "s.csv:label=label", "--target", f"{table}:label=label")
        done = run("compare", *tables, *options, *more)
        assert (done.code, without_cautions(done.err)) == (0, "")
        return done.out

    of("u.csv", "--store", "a.db")
    plain = of(name)
    assert of(name, "--store", "a.db") == plain
    shown = run("show", "a.db", *QUIET, "--format", "csv")
    assert shown.code == 0 and (shown.out == plain or not name.isascii())


# ---------------------------------------------------------------- parts


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", third_of(["compare", "nested", "sweep", "grid", "pairs"]))
def test_parts_of_a_job_array_become_what_one_run_gives(name, run, tmp_path):
    command, _, more = COMMANDS[name]
    assert run(*command, *more, *QUIET, "-o", "one.csv").code == 0
    n_repeats = {"compare": 20, "nested": 20}.get(name, 9)
    cuts = (range(0, 3), range(3, 8), range(8, n_repeats))
    for i, part in enumerate(cuts):
        only = f"{part.start}..{part.stop - 1}"
        done = run(*command, *more, "--only-repeats", only, "--store", f"part{i}.db")
        assert (done.code, done.out) == (0, "")
    done = run("merge", "part0.db", "part1.db", "part2.db", "--store", "all.db")
    assert done.code == 0 and re.search(r"all\.db has (\S+) of \1 repeats$", done.err)
    assert run("show", "all.db", *QUIET, "-o", "parts.csv", "-o", "parts.json").code == 0
    argv = json.loads((tmp_path / "parts.json").read_text())["argv"]
    assert argv == [*command, *more]
    assert (tmp_path / "parts.csv").read_bytes() == (tmp_path / "one.csv").read_bytes()
    assert not (tmp_path / f"{command[0]}.png").exists()


def test_a_part_can_be_shown_and_says_so(run):
    run(*FRESH, "--repeats", "30", "--only-repeats", "10..19", "--store", "a.db")
    done = run("show", "a.db", *QUIET)
    assert done.out.startswith("Stopped at 10 of 30 repeats\n")
    rows = run("show", "a.db", *QUIET, "--format", "csv").out.splitlines()[1:]
    assert {int(row.split(",")[3]) for row in rows} == set(range(10, 20))


WRONG = {
    "no store": (("--only-repeats", "0..3"), "add --store FILE.db"),
    "beyond": (
        ("--only-repeats", "190..200", "--store", "a.db"), "has 200 repeats, 0 to 199; use",
    ),
    "no range": (("--only-repeats", "5", "--store", "a.db"), "use FIRST..LAST, such as 0..499"),
    "upside down": (("--only-repeats", "5..3", "--store", "a.db"), "use FIRST..LAST"),
    "words": (("--only-repeats", "a..b", "--store", "a.db"), "use FIRST..LAST"),
    "negative": (("--only-repeats=-1..3", "--store", "a.db"), "use FIRST..LAST"),
    "shown": (("--only-repeats", "0..3", "--store", "a.db", "-o", "a.csv"), "--output a.csv"),
    "plotted": (("--only-repeats", "0..3", "--store", "a.db", "--plot", "a.png"), "--plot a.png"),
    "printed": (("--only-repeats", "0..3", "--store", "a.db", "--full"), "--full: --only-repeats"),
    "until decided": (
        ("--only-repeats", "0..3", "--store", "a.db", "--until-decided"),
        "--until-decided needs all repeats",
    ),
    "mixed alone": (("--mixed",), "requires --store"),
    "suffix": (("--store", "a.json"), "no format has the suffix .json; use .db"),
    "no folder": (("--store", "b/a.db"), "the directory"),
    "folder": (("--store", "d.db"), "this is a directory"),
    "foreign": (("--store", "f.db"), "f.db: this looks like plain text"),
}  # fmt: skip


@pytest.mark.parametrize("options, says", WRONG.values(), ids=WRONG)
def test_what_cannot_be_kept_is_refused_before_any_work(options, says, run, tmp_path):
    (tmp_path / "d.db").mkdir()
    (tmp_path / "f.db").write_text("mine")
    done = run(*FRESH, *options, "--no-plot")
    assert (done.code, done.out) == (2, "")
    assert says in done.err and done.err.count("\n") == 1
    assert sorted(os.listdir()) == ["d.db", "f.db"]


def test_merge_refuses_what_is_no_part(run, tmp_path):
    run(*FRESH, "--repeats", "3", *QUIET, "--store", "a.db")
    (tmp_path / "f.db").write_text("mine")
    for parts, says in (
        (("a.db",), "--store a.db: the same file as the part a.db"),
        (("f.db",), "f.db: this looks like plain text"),
        (("none.db",), "none.db: no such file"),
    ):
        store = "a.db" if parts == ("a.db",) else "b.db"
        done = run("merge", *parts, "--store", store)
        assert done.code == 2 and says in done.err and done.err.count("\n") == 1
    assert sorted(os.listdir()) == ["a.db", "f.db"]
    assert run("merge", "a.db").code == 2
    assert run("merge", "--store", "b.db").code == 2


def test_what_disagrees_is_not_merged(run):
    command = (*FRESH, "--repeats", "5", "--store")
    run(*command, "a.db", *QUIET)
    run(*command, "b.db", *QUIET)
    with Store.open(Path("b.db"), writes=True) as store:
        (kept,) = store.commands()
        (block,) = store.stored(kept.study.specs[0]).blocks(range(5))
        block.scores.values[0, 0, 0] = 0.125
        header = store.stored(kept.study.specs[0]).header
        (environment, _) = store.stored(kept.study.specs[0]).environments()[0]
        store.connection.rows("DELETE FROM block")
        store.stored(kept.study.specs[0]).add(header, block, environment, "", 0.0)
    done = run("merge", "b.db", "--store", "a.db")
    assert_refused(done, "b.db", "its repeat 0")


# ---------------------------------------------------------------- other versions, other machines


def test_what_other_versions_computed_is_mixed_only_if_allowed(run, monkeypatch, tmp_path):
    command = (*FRESH, "--repeats", "12", "--no-plot", "--store", "a.db")
    others = installed_versions() | {"numpy": "1.0"}
    with monkeypatch.context() as other:
        for room in ("checkpoint", "fingerprint"):
            module = f"blobtransfer.running.{room}.installed_versions"
            other.setattr(module, lambda: others)
        assert run(*command[:-3], "--no-plot", "-q", "--repeats", "5", *command[-2:]).code == 0
    done = run(*command)
    assert done.code == 2 and done.out == ""
    assert says_in_order(done.err, "5 of 12 repeats", "error: a.db: ", "(numpy 1.0, not", "--mixed")
    assert run("show", "a.db", "-q", "--no-plot").code == 0
    done = run(*command, "--mixed", "-o", "a.json")
    assert done.code == 0
    assert "warning: 7 of 12 repeats" in done.err
    record = json.loads((tmp_path / "a.json").read_text())
    assert record["n_mixed"] == 7
    (caution,) = (caution for caution in record["cautions"] if caution["kind"] == "mixed")
    assert caution["n_repeats"] == 7
    for shown in ("a.json", "a.db"):
        assert f"warning: {caution['text']}" in run("show", shown, "--no-plot").err
    assert record["versions"] == others


def test_a_machine_that_rounds_differently_is_found_out(run, monkeypatch):
    command = (*FRESH, *QUIET, "--store", "a.db")
    run(*command, "--repeats", "5")
    monkeypatch.setattr(blobtransfer.running.fingerprint, "_rounding", lambda *_: "otherwise")
    assert run(*command, "--repeats", "5").code == 0  # nothing is computed
    done = run(*command, "--repeats", "7")
    assert done.code == 2 and "(its CPU rounds differently)" in done.err
    assert run(*command, "--repeats", "7", "--mixed").code == 0


def test_a_study_says_in_how_many_cells_repeats_are_mixed(run, monkeypatch):
    command, fewer, more = COMMANDS["sweep"]
    run(*command, *fewer, *QUIET, "--store", "a.db")
    monkeypatch.setattr(blobtransfer.running.fingerprint, "_rounding", lambda *_: "otherwise")
    done = run(*command, *more, "--no-plot", "--store", "a.db", "--mixed")
    assert says_in_order(done.err, "in 3 of 3 points: 4 repeats", "--mixed")


# ---------------------------------------------------------------- show


def test_show_names_the_commands_of_a_store(run):
    first = run(*FRESH, "--repeats", "5", *QUIET, "--store", "a.db")
    second = run(*FRESH, "--repeats", "6", "--train-seed", "1", *QUIET, "--store", "a.db")
    done = run("show", "a.db", "--no-plot")
    assert done.out.startswith("Fresh sources") and "6 repeats" in done.out
    head, *rows = done.err.splitlines()[:3]
    assert says_in_order(head, "a.db", "2 commands")
    store = [*QUIET, "--store", "a.db"]
    for number, n, more in ((1, "5", []), (2, "6", ["--train-seed", "1"])):
        argv = " ".join([*FRESH, "--repeats", n, *more, *store])
        assert says_in_order(rows[number - 1], f"--command {number}", f"{n} of {n} repeats", argv)
    assert run("show", "a.db", "--command", "1", *QUIET).out == first.out
    assert run("show", "a.db", "--command", "2", *QUIET).out == second.out
    for number in ("0", "3"):
        done = run("show", "a.db", "--command", number, *QUIET)
        assert_refused(done, f"--command {number}", "the store has 2 commands")
    run(*FRESH, "--repeats", "5", *QUIET, "-o", "a.json")
    done = run("show", "a.json", "--command", "1", *QUIET)
    assert done.code == 2 and "not a store" in done.err


def test_show_lists_the_last_commands_of_many_and_none_when_quiet(run, monkeypatch):
    for seed in range(3):
        run(*FRESH, "--repeats", "2", "--train-seed", seed, *QUIET, "--store", "a.db")
    monkeypatch.setattr(show, "MAX_LISTED", 2)
    done = run("show", "a.db", "--no-plot")
    listed = re.findall(r"^  --command (\d+)  2 of 2 repeats", done.err, re.MULTILINE)
    assert listed == ["2", "3"] and "--command 1" in done.err
    monkeypatch.setattr(Store, "count_repeats", lambda *_: pytest.fail("counted"))
    assert without_cautions(run("show", "a.db", *QUIET).err) == ""


READERS = (("show", "a.db", *QUIET), ("merge", "a.db", "--store", "b.db"))
WRITERS = (
    ("merge", "b.db", "--store", "a.db"),
    (*FRESH, "--repeats", "3", *QUIET, "--store", "a.db"),
)


@pytest.mark.security
@pytest.mark.parametrize(
    "argv", [*READERS, *WRITERS], ids=["show", "merge from", "merge into", "compare"]
)
@pytest.mark.parametrize("make", [super_journal, lock_that_is_a_link, journal_that_is_a_fifo])
def test_a_store_with_hostile_files_beside_it_is_one_line(make, argv, run, tmp_path):
    run(*FRESH, "--repeats", "2", *QUIET, "--store", "a.db")
    run(*FRESH, "--repeats", "2", *QUIET, "--store", "b.db")
    victim = tmp_path / "notes.txt"
    victim.write_text("process of my work")
    make(tmp_path / "a.db", victim)
    before = contents(tmp_path)
    done = run(*argv)
    if make is lock_that_is_a_link and argv in READERS:
        assert done.code == 0  # a reader takes no lock
    else:
        assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
        assert contents(tmp_path) == before
    assert victim.read_text() == "process of my work"


@pytest.mark.security
def test_a_fifo_is_not_a_store(run, tmp_path):
    os.mkfifo(tmp_path / "a.db")
    for argv in (("show", "a.db"), ("merge", "a.db", "--store", "b.db")):
        done = run(*argv)
        assert (done.code, done.err.count("\n")) == (2, 1)
    assert os.listdir(tmp_path) == ["a.db"]


@pytest.mark.security
def test_merge_of_a_store_with_hostile_values_makes_no_store(run, tmp_path):
    run(*FRESH, "--repeats", "2", *QUIET, "--store", "a.db")
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("UPDATE command SET spec = '{}'")
    connection.close()
    done = run("merge", "a.db", "--store", "b.db")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert os.listdir(tmp_path) == ["a.db"]


def test_show_of_a_damaged_store_is_one_line(run, tmp_path):
    run(*FRESH, "--repeats", "500", *QUIET, "--store", "a.db")
    content = (tmp_path / "a.db").read_bytes()
    (tmp_path / "a.db").write_bytes(content[: len(content) // 2])
    done = run("show", "a.db", *QUIET)
    assert_refused(done, "a.db", "damaged")


def test_show_of_a_store_with_nothing_complete_says_so(run):
    command, _, more = COMMANDS["pairs"]
    run(*command, *more, "--only-repeats", "0..3", "--store", "a.db")
    done = run("show", "a.db", *QUIET)
    assert (done.code, done.out) == (2, "")
    assert "no repeat is complete yet" in done.err


# ---------------------------------------------------------------- stopped, and full


def has_more_blocks(process, path, n):
    """Return whether a process has stored more than n blocks, or has ended."""
    return n_blocks(path) > n or process.poll() is not None


@pytest.mark.slow
def test_a_command_that_is_killed_goes_on_where_it_was(forks, tmp_path):
    done = forks.run_process(*LONG, "-o", "one.csv", cwd=tmp_path)
    rng = random.Random(3)
    kept = []
    for _ in range(2):
        process = forks.start(*LONG, "--store", "a.db", cwd=tmp_path)
        wait_until(partial(has_more_blocks, process, tmp_path / "a.db", kept[-1] if kept else 0))
        time.sleep(rng.uniform(0, 0.3))
        process.kill()
        process.communicate()
        kept.append(n_blocks(tmp_path / "a.db"))
    assert kept == sorted(kept) and kept[0] > 0
    again = forks.run_process(*LONG, "--store", "a.db", "-o", "again.csv", cwd=tmp_path)
    assert (again.code, again.out) == (0, done.out)
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "one.csv").read_bytes()


@pytest.mark.slow
def test_a_command_that_is_interrupted_says_what_is_kept(forks, tmp_path):
    command = (*(word for word in ENDLESS if word != "-q"), "--store", "a.db")
    process = forks.start(*command, cwd=tmp_path)
    wait_until(partial(has_more_blocks, process, tmp_path / "a.db", 0))
    second = forks.run_process(*command, cwd=tmp_path)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == 130
    (kept,) = re.findall(r"a\.db has ([\d,]+) of 4,000,000 repeats", err)
    assert out.startswith(f"Stopped at {kept} of 4,000,000 repeats\n")
    assert_refused(second, "a.db", f"process {process.pid} on {os.uname().nodename}", code=1)


@pytest.mark.slow
def test_a_store_on_a_disk_that_cannot_be_written_is_shown_and_not_extended(forks, tmp_path):
    disk = ("unshare", "-m", "sh", "-c", "mount --bind . . && mount -o remount,bind,ro . && cd . "
            '&& cd "$PWD" && "$@"', "sh")  # fmt: skip
    if os.getuid() or not works(*disk, "true", cwd=tmp_path):
        pytest.skip("needs the right to mount")
    command = (*FRESH, *QUIET, "--store", "a.db")
    first = forks.run_process(*command, "--repeats", "5", cwd=tmp_path)
    again = run_process(*command, "--repeats", "7", cwd=tmp_path, by=disk)
    assert_one_line(again, code=again.code)
    assert again.code in (1, 2) and "a.db: " in again.err
    shown = run_process("show", "a.db", *QUIET, cwd=tmp_path, by=disk)
    assert (shown.code, shown.out, without_cautions(shown.err)) == (0, first.out, "")


@pytest.mark.slow
def test_a_full_disk_costs_no_more_than_the_last_block(tmp_path):
    command = (*LONG, "--store", "a.db")
    done = run_process(*command, cwd=tmp_path, by=with_files_of_at_most(150_000))
    assert_refused(done, "a.db", "cannot be written", code=1)
    assert re.search(r"[\d,]+ of 6,000 repeats stored", done.err)
    assert n_blocks(tmp_path / "a.db") > 0
    with Store.open(tmp_path / "a.db", writes=True) as store:
        (command,) = store.commands()
        assert store.stored(command.study.specs[0]).blocks(range(6000))
