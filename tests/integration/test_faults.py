"""Nothing lost, nothing half-written: real commands on full disks, killed, and far from home."""

import csv
import io
import json
import os
import pty
import random
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.commands import (
    ENVIRONMENT,
    assert_refused,
    run_process,
    start,
    with_files_of_at_most,
    without_cautions,
    works,
)
from helpers.models import write_keras
from helpers.specs import SMALL_OPTIONS
from helpers.stores import n_blocks
from helpers.texts import says_in_order
from helpers.trials import third_of, trials

from blobtransfer.atomic_write import PREFIX
from blobtransfer.keras_files.read import read_source_file
from blobtransfer.keras_files.write import save_model

COMPARE = ("compare", *SMALL_OPTIONS, "--fixed", "0", "--sources", "one", "--repeats", "2")
TRAIN = ("train-target", *SMALL_OPTIONS)  # takes least time
LONG = ("compare", *SMALL_OPTIONS, "--fixed", "0", "--sources", "one", "--repeats", "4000000")
PNG_END = b"IEND\xaeB`\x82"

pytestmark = pytest.mark.slow

needs_full = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
needs_proc = pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="needs /proc")


def wait_for(is_so, process):
    """Wait until something is so, or the process has ended."""
    deadline = time.monotonic() + 120
    while process.poll() is None and not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def wait_for_signals(process):
    """Wait until the program answers signals, which Python does not at its very start."""

    def is_answered():
        caught = re.search(r"SigCgt:\s*(\w+)", Path(f"/proc/{process.pid}/status").read_text())
        return int(caught[1], 16) >> (signal.SIGTERM - 1) & 1

    wait_for(is_answered, process)


def wait_for_work(process, seconds):
    """Wait until the process has computed for so long, on however busy a machine."""

    def has_worked():
        after_name = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        ticks = int(after_name[11]) + int(after_name[12])
        return ticks / os.sysconf("SC_CLK_TCK") > seconds

    wait_for(has_worked, process)


def wait_for_writing(folder, process):
    """Wait until a file is being written in a folder."""
    wait_for(lambda: any(name.startswith(PREFIX) for name in os.listdir(folder)), process)


def is_whole(path):
    """Return whether a file that the program wrote is complete."""
    content = path.read_bytes()
    match path.suffix:
        case ".png":
            return content.endswith(PNG_END)
        case ".json":
            return bool(json.loads(content)["runs"])
        case ".keras":
            return bool(read_source_file(path).weights)
        case ".csv":
            rows = list(csv.reader(io.StringIO(content.decode())))
            return len(rows) > 1 and {len(row) for row in rows} == {len(rows[0])}
    raise AssertionError(path)


def old_files(folder, *names):
    """Make files that hold something else, and give what they hold."""
    for name in names:
        (folder / name).write_bytes(b"old " + name.encode())
    return {name: (folder / name).read_bytes() for name in names}


def assert_old_or_whole(folder, old):
    """See that each file is the old one or a new whole one, and give the new ones' names."""
    new = [name for name, content in old.items() if (folder / name).read_bytes() != content]
    assert all(is_whole(folder / name) for name in new)
    return new


# ---------------------------------------------------------------- kill -9


def test_kill_9_while_a_comparison_writes_leaves_each_file_old_or_new(forks, tmp_path):
    outputs = ("-o", "o.json", "-o", "o.csv", "--plot", "o.png")
    old = old_files(tmp_path, "o.json", "o.csv", "o.png")
    rng = random.Random(1234)
    for n_new_at_least in range(3):
        process = forks.start(*COMPARE, *outputs, cwd=tmp_path)
        wait_for_writing(tmp_path, process)
        wait_for(lambda n=n_new_at_least: len(assert_old_or_whole(tmp_path, old)) >= n, process)
        time.sleep(rng.uniform(0, 0.01))
        process.kill()
        process.communicate()
        assert_old_or_whole(tmp_path, old)
    assert assert_old_or_whole(tmp_path, old)


def test_kill_9_while_a_model_is_replaced_leaves_the_old_one_or_the_new_one(forks, tmp_path):
    model = tmp_path / "model.keras"
    write_keras(model)
    old = model.read_bytes()
    process = forks.start("train-source", *SMALL_OPTIONS, "--no-plot", "--force", cwd=tmp_path)
    wait_for_writing(tmp_path, process)
    time.sleep(random.Random(1).uniform(0, 0.01))
    process.kill()
    process.communicate()
    assert model.read_bytes() == old or is_whole(model)


# ---------------------------------------------------------------- full disks


@pytest.mark.parametrize("n_bytes", [300, 3_000])
def test_a_full_disk_is_one_line_and_1_and_costs_no_results(tmp_path, n_bytes):
    outputs = ("-o", "o.csv", "-o", "o.json", "--plot", "o.png")
    old = old_files(tmp_path, "o.csv", "o.json", "o.png")
    done = run_process(
        *COMPARE, *outputs, "-q", "--format", "csv", cwd=tmp_path, by=with_files_of_at_most(n_bytes)
    )
    assert done.code == 1
    assert re.fullmatch(r"error: o\.\w+: .*File too large.*\n", without_cautions(done.err))
    # What fits is written: 389 bytes of CSV. The rest is as it was.
    new = assert_old_or_whole(tmp_path, old)
    assert new == (["o.csv"] if n_bytes == 3_000 else [])
    assert sorted(os.listdir(tmp_path)) == sorted(old)
    assert len(done.out.splitlines()) == 1 + 4
    if new:
        assert done.out == (tmp_path / "o.csv").read_text()


def test_a_result_file_that_cannot_be_written_costs_no_figure(tmp_path):
    command = ("compare", *SMALL_OPTIONS, "--repeats", 1_000, "-q", "-o", "o.json")
    done = run_process(*command, cwd=tmp_path, by=with_files_of_at_most(300_000))
    assert done.code == 1
    assert re.fullmatch(r"error: o\.json: .*File too large.*\n", without_cautions(done.err))
    assert is_whole(tmp_path / "compare.png")
    assert os.listdir(tmp_path) == ["compare.png"]


def test_a_model_on_a_full_disk_costs_no_results_and_not_the_old_model(tmp_path):
    model = tmp_path / "model.keras"
    write_keras(model)
    old = model.read_bytes()
    outputs = ("--no-plot", "--force", "-o", "o.csv", "--format", "csv")
    command = ("train-source", *SMALL_OPTIONS, *outputs)
    done = run_process(*command, cwd=tmp_path, by=with_files_of_at_most(4_096))
    assert done.code == 1
    assert re.fullmatch(r"wrote o\.csv\nerror: model\.keras: .*File too large.*\n", done.err)
    assert model.read_bytes() == old
    assert sorted(os.listdir(tmp_path)) == ["model.keras", "o.csv"]
    assert done.out == (tmp_path / "o.csv").read_text()


def test_a_small_disk_that_is_really_full(tmp_path):
    disk = ("unshare", "-m", "sh", "-c", 'mount -t tmpfs -o size=8k none . && cd . && "$@" '
            '&& echo done; ls -A', "sh")  # fmt: skip
    if os.getuid() or not works(*disk[:4], "mount -t tmpfs none .", cwd=tmp_path):
        pytest.skip("needs the right to mount")
    command = (*COMPARE, "-q", "--format", "csv", "--plot", tmp_path / "o.png", "-o")
    done = run_process(*command, tmp_path / "o.csv", cwd=tmp_path, by=disk)
    error = without_cautions(done.err)
    assert re.fullmatch(rf"error: {tmp_path}/o\.png: .*No space left.*\n", error)
    assert done.out.splitlines()[0].startswith("sources,variant")
    assert done.out.splitlines()[5:] == ["o.csv"]


@needs_full
def test_standard_output_on_a_full_disk_costs_no_files(forks, tmp_path):
    with open("/dev/full", "w") as full:
        done = forks.run_process(
            *TRAIN, "--format", "csv", "-o", "o.csv", cwd=tmp_path, stdout=full
        )
        *wrote, error = without_cautions(done.err).splitlines()
        assert (done.code, wrote) == (1, ["wrote o.csv", "wrote train-target.png"])
        assert says_in_order(error, "error: standard output: ", "No space left")
        assert is_whole(tmp_path / "o.csv") and is_whole(tmp_path / "train-target.png")
        for argv in (("--version",), ("--help",)):
            done = forks.run_process(*argv, cwd=tmp_path, stdout=full)
            assert (done.code, done.err.count("\n"), "No space left" in done.err) == (1, 1, True)


@needs_proc
@pytest.mark.parametrize("kilobytes", [60_000, 150_000, 170_000, 250_000, 350_000])
def test_too_little_memory_for_the_libraries_is_one_line(tmp_path, kilobytes):
    limited = ("sh", "-c", f'ulimit -v {kilobytes} && exec "$@"', "sh")
    done = run_process("compare", "--repeats", "2", "--no-plot", "-q", cwd=tmp_path, by=limited)
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines()[-1].startswith("error: ")
    assert "Traceback" not in done.err
    assert os.listdir(tmp_path) == []


@pytest.mark.security
@pytest.mark.parametrize(
    "variable, argv, code",
    [
        ({"SOURCE_DATE_EPOCH": "abc"}, ("plot-data", "--plot", "f.pdf", "-q"), 0),
        ({"NUMPY_MADVISE_HUGEPAGE": "abc"}, ("compare", "--repeats", "2", "--no-plot", "-q"), 1),
        ({"_BLOBTRANSFER_COMPLETE": "complete_bash"}, (), 2),
        (
            {"_BLOBTRANSFER_COMPLETE": "complete_bash", "COMP_WORDS": "b", "COMP_CWORD": "x"},
            (), 2,
        ),
    ],
)  # fmt: skip
def test_an_odd_variable_of_the_environment_is_no_traceback(tmp_path, variable, argv, code):
    done = run_process(*argv, cwd=tmp_path, environment=variable)
    assert done.code == code
    assert [line[:7] for line in done.err.splitlines()] == ["error: "] * (code > 0)


# ---------------------------------------------------------------- Ctrl-C, SIGTERM and SIGHUP


@pytest.mark.exhaustive
@pytest.mark.parametrize("number", third_of([signal.SIGINT, signal.SIGTERM, signal.SIGHUP]))
def test_a_signal_prints_and_saves_the_repeats_that_are_finished(forks, tmp_path, number):
    outputs = ("-o", "o.json", "-o", "o.csv", "--store", "a.db")
    process = forks.start(*LONG, "-q", "--full", *outputs, cwd=tmp_path)
    wait_for(lambda: n_blocks(tmp_path / "a.db") > 1, process)
    process.send_signal(number)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, without_cautions(err)) == (128 + number, "")
    record = json.loads((tmp_path / "o.json").read_text())
    assert record["interrupted"] is True
    n_repeats = len({run["repeat"] for run in record["runs"]})
    assert 0 < n_repeats < 4_000_000
    assert len(record["runs"]) == 2 * n_repeats
    assert (tmp_path / "o.csv").read_text().count("\n") == 1 + 2 * n_repeats
    assert out.startswith(f"Stopped at {n_repeats:,} of 4,000,000 repeats\n")
    assert sorted(os.listdir(tmp_path)) == ["a.db", "compare.png", "o.csv", "o.json"]


@needs_proc
@pytest.mark.exhaustive
def test_signals_at_any_stage_end_quietly_and_leave_whole_files_only(tmp_path):
    rng = random.Random(1234)
    codes = set()
    for i in range(trials(4)):
        folder = tmp_path / str(i)
        folder.mkdir()
        old = old_files(folder, "o.json", "o.png")
        number = (signal.SIGINT, signal.SIGTERM)[i % 2]
        process = start(*COMPARE, "-q", "-o", "o.json", "--plot", "o.png", cwd=folder)
        wait_for_signals(process)
        wait_for_work(process, rng.uniform(0.05, 0.8))
        process.send_signal(number)
        if i % 3 == 0:
            time.sleep(rng.uniform(0, 0.2))
            process.send_signal(number)
        out, err = process.communicate(timeout=120)
        # 0: it was done and about to leave.
        assert (process.returncode in (128 + number, 0), without_cautions(err)) == (True, "")
        new = assert_old_or_whole(folder, old)
        assert sorted(os.listdir(folder)) == ["o.json", "o.png"]
        if i % 3:
            # Once: all of it or nothing, as all repeats of so few are finished together.
            assert len(new) in (0, 2)
            assert bool(out) == (len(new) == 2)
        codes.add(process.returncode)
    assert {130, 143} <= codes


def test_a_signal_while_the_model_is_saved_finishes_that(run, tmp_path, monkeypatch):
    def save(*arguments, **settings):
        os.kill(os.getpid(), signal.SIGTERM)
        save_model(*arguments, **settings)

    monkeypatch.setattr("blobtransfer.keras_files.write.save_model", save)
    done = run("train-source", *SMALL_OPTIONS, "--no-plot", "-q", "-o", "o.csv")
    assert (done.code, done.out, done.err) == (143, "model.keras\n", "")
    assert is_whole(tmp_path / "model.keras") and is_whole(tmp_path / "o.csv")
    assert sorted(os.listdir(tmp_path)) == ["model.keras", "o.csv"]


def test_a_signal_that_was_to_be_ignored_is(tmp_path):
    # As `nohup` and a script's `&` ask for.
    code = (
        "import os, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "print('ignored', file=sys.stderr, flush=True)\n"
        "os.execvp(sys.argv[1], sys.argv[1:])\n"
    )
    process = start(
        *TRAIN, "--no-plot", "--format", "csv", "-q", cwd=tmp_path, by=(sys.executable, "-c", code)
    )
    assert process.stderr.readline() == "ignored\n"
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, without_cautions(err)) == (0, "")
    assert "none,standalone" in out


# ---------------------------------------------------------------- streams


def test_a_reader_that_has_seen_enough_is_no_error(forks, tmp_path):
    argv = ("compare", *SMALL_OPTIONS, "--repeats", 3_000, "--no-plot", "-q", "--format", "csv")
    process = forks.start(*argv, "-o", "o.csv", cwd=tmp_path)
    assert process.stdout.readline().startswith("sources,variant")
    process.stdout.close()
    assert without_cautions(process.stderr.read()) == ""
    assert process.wait(timeout=120) == 0
    process.stderr.close()
    assert is_whole(tmp_path / "o.csv")


def test_help_for_a_reader_that_has_gone_is_no_error(forks, tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as gone:
        for argv in (("--help",), ("--version",)):
            done = forks.run_process(*argv, cwd=tmp_path, stdout=gone)
            assert (done.code, done.err) == (0, "")


@pytest.mark.exhaustive
@pytest.mark.parametrize("closed", third_of(["<&- >&- 2>&-", "<&-", ">&-", "2>&-"]))
def test_closed_streams_cost_no_files(tmp_path, closed):
    by = ("sh", "-c", f'exec "$@" {closed}', "sh")
    done = run_process(*TRAIN, "-q", "-o", "o.csv", cwd=tmp_path, by=by)
    accuracy = "" if ">&-" in closed.split() else done.out
    assert (done.code, done.out, without_cautions(done.err)) == (0, accuracy, "")
    assert is_whole(tmp_path / "o.csv") and is_whole(tmp_path / "train-target.png")


def on_a_terminal(forks, *argv, cwd, columns=80):
    """Start a command on a terminal; return its process and the other end of the terminal."""
    leader, follower = pty.openpty()
    environment = {"TERM": "xterm", "COLUMNS": str(columns)}
    process = forks.start(*argv, cwd=cwd, environment=environment, stderr=follower)
    os.close(follower)
    return process, leader


def read_until(wanted, leader):
    """Read from a terminal until something shows, or until it is closed."""
    seen = b""
    while wanted not in seen and select.select([leader], [], [], 120)[0]:
        try:
            seen += os.read(leader, 65_536)
        except OSError:
            break
    return seen.decode()


def test_a_terminal_that_goes_away_costs_no_results(forks, tmp_path):
    argv = ("compare", *SMALL_OPTIONS, "--repeats", 20_000, "--fixed", "0", "--sources", "one")
    process, leader = on_a_terminal(forks, *argv, "--no-plot", "-o", "o.csv", cwd=tmp_path)
    assert "comparing" in read_until(b"comparing", leader)
    os.close(leader)
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    assert "transfer fixed=0" in out
    assert is_whole(tmp_path / "o.csv")


def test_two_ctrl_c_give_the_terminal_back(forks, tmp_path):
    process, leader = on_a_terminal(forks, *LONG, "--no-plot", cwd=tmp_path)
    assert "comparing" in read_until(b"comparing", leader)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    rest = read_until(b"\x1b[?25h", leader)
    os.close(leader)
    process.communicate(timeout=120)
    assert process.returncode == 130
    assert "\x1b[?25h" in rest
    assert "Traceback" not in rest


def test_20_columns_get_whole_rows_and_whole_names_of_options(forks, tmp_path):
    leader, follower = pty.openpty()
    environment = {"TERM": "xterm", "COLUMNS": "20"}
    shown = []
    for argv in (
        (*COMPARE, "--no-plot", "--full", "-q"),
        ("compare", "--help"),
        ("compare", "--help-all"),
    ):
        process = forks.start(*argv, cwd=tmp_path, environment=environment, stdout=follower)
        seen = b""
        while process.poll() is None or select.select([leader], [], [], 0)[0]:
            if select.select([leader], [], [], 0.05)[0]:
                seen += os.read(leader, 65_536)
        assert (process.returncode, without_cautions(process.stderr.read())) == (0, "")
        process.stderr.close()
        shown.append(re.sub(r"\x1b\[[\d;]*m", "", seen.decode()))
    os.close(leader)
    os.close(follower)
    table, page, whole_page = shown
    assert re.search(r"^variant: standalone\r?\nmean: \d", table, re.MULTILINE)
    assert re.search(r"^variant:\r?\n  transfer fixed=0\r?\nmean: \d", table, re.MULTILINE)
    assert "--until-decided" in page and "…" not in page
    assert "--learning-rate" in whole_page and "…" not in whole_page


def test_an_ascii_locale_writes_files_with_any_name(tmp_path):
    ascii_only = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    outputs = ("-o", "é.json", "--plot", "ü.png")
    done = run_process(*TRAIN, *outputs, cwd=tmp_path, environment=ascii_only)
    assert done.code == 0
    assert "Traceback" not in done.err
    assert (done.out + done.err).isascii()
    assert sorted(os.listdir(tmp_path)) == ["é.json", "ü.png"]
    assert is_whole(tmp_path / "é.json") and is_whole(tmp_path / "ü.png")


# ---------------------------------------------------------------- far from home


@pytest.mark.parametrize("home", [None, "/dev/null/none"])
def test_no_home_and_no_temporary_directory_of_ones_own_is_no_trouble(tmp_path, home):
    environment = {name: value for name, value in ENVIRONMENT.items() if name != "HOME"}
    environment |= {"TMPDIR": "/dev/null/none"} | ({} if home is None else {"HOME": home})
    done = run_process(
        *TRAIN, "-q", "--format", "csv", "-o", "o.csv", cwd=tmp_path,
        by=("env", "-i", *(f"{name}={value}" for name, value in environment.items())),
    )  # fmt: skip
    assert (done.code, without_cautions(done.err)) == (0, "")
    assert "none,standalone" in done.out
    assert sorted(os.listdir(tmp_path)) == ["o.csv", "train-target.png"]


@pytest.mark.exhaustive
@pytest.mark.parametrize("engine", third_of(["compiled", "keras"]))
def test_a_disk_that_is_read_only_but_for_home_and_the_target_is_no_trouble(tmp_path, engine):
    # There is no temporary directory then, which TensorFlow and we would like to have.
    read_only = (
        "unshare", "-m", "sh", "-c",
        'mount --bind "$0" "$0" && mount -o remount,ro,bind / && cd / '
        '&& ! touch "$(mktemp -u)" 2>/dev/null && exec "$@"', tmp_path,
    )  # fmt: skip
    if os.getuid() or not works(*read_only, "true"):
        pytest.skip("needs the right to mount, and temporary directories on the first disk")
    outputs = ("--model", tmp_path / "m.keras", "-o", tmp_path / "o.csv", "--no-plot", "-q")
    done = run_process(
        "train-source", "--engine", engine, *SMALL_OPTIONS, *outputs, cwd=tmp_path, by=read_only,
        environment={"HOME": str(tmp_path)},
    )  # fmt: skip
    assert (done.code, done.out, done.err) == (0, f"{tmp_path}/m.keras\n", "")
    assert is_whole(tmp_path / "m.keras") and is_whole(tmp_path / "o.csv")
    done = run_process(*TRAIN, "-q", "--plot", "/o.png", cwd=tmp_path, by=read_only)
    assert_refused(done, "--plot /o.png", "no permission")


def test_a_deleted_working_directory_needs_full_paths(tmp_path):
    (tmp_path / "gone").mkdir()
    deleted = ("sh", "-c", 'rmdir ../gone && exec "$@"', "sh")
    done = run_process(
        *TRAIN, "-q", "--format", "csv", "--plot", tmp_path / "o.png", "-o", tmp_path / "o.csv",
        cwd=tmp_path / "gone", by=deleted,
    )  # fmt: skip
    assert (done.code, without_cautions(done.err)) == (0, "")
    assert "none,standalone" in done.out
    assert is_whole(tmp_path / "o.png") and is_whole(tmp_path / "o.csv")
    (tmp_path / "gone").mkdir()
    done = run_process(*TRAIN, cwd=tmp_path / "gone", by=deleted)
    assert_refused(done, "--plot train-target.png", "the working directory is gone")


@needs_proc
def test_an_output_directory_that_goes_away_costs_no_results(tmp_path):
    (tmp_path / "out").mkdir()
    process = start(
        *TRAIN, "--no-plot", "-q", "--format", "csv", "-o", "out/o.csv", "-o", "o.csv", cwd=tmp_path
    )
    # It checks its outputs before it loads LLVM.
    wait_for(lambda: "llvmlite" in Path(f"/proc/{process.pid}/maps").read_text(), process)
    (tmp_path / "out").rmdir()
    out, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert re.fullmatch(
        rf"error: out/o\.csv: .*{tmp_path}/out does not exist.*\n", without_cautions(err)
    )
    assert "none,standalone" in out
    assert is_whole(tmp_path / "o.csv")


def test_two_runs_that_write_the_same_files_at_once_leave_those_of_one(forks, tmp_path):
    processes = [
        forks.start(
            *COMPARE, "-q", "-o", "o.csv", "--train-seed", seed, "--format", "csv", cwd=tmp_path
        )
        for seed in (0, 1)
    ]
    printed = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert {without_cautions(err) for _, err in printed} == {""}
    assert (tmp_path / "o.csv").read_text() in {out for out, _ in printed}
    assert is_whole(tmp_path / "compare.png")
    assert sorted(os.listdir(tmp_path)) == ["compare.png", "o.csv"]


@pytest.mark.parametrize(("theirs", "code"), [(0.0, 0), (1.0, 2)])
def test_a_model_that_another_run_saved_meanwhile_is_kept(run, monkeypatch, theirs, code):
    found = SimpleNamespace(weights=[], preprocessing=None)

    def too_late(network, weights, *rest, **settings):
        found.weights = [layer + np.float32(theirs) for layer in weights]
        raise FileExistsError

    monkeypatch.setattr("blobtransfer.keras_files.write.save_model", too_late)
    monkeypatch.setattr("blobtransfer.keras_files.read.read_source_file", lambda path: found)
    done = run("train-source", *SMALL_OPTIONS, "--no-plot")
    assert done.code == code
    if code:
        assert "other weights" in done.err
    else:
        assert "already" in done.err


# ---------------------------------------------------------------- Keras as others have set it up


def test_a_users_keras_configuration_changes_no_result(tmp_path):
    (tmp_path / ".keras").mkdir()
    settings = {"floatx": "float16", "epsilon": 0.1, "backend": "jax"}
    (tmp_path / ".keras" / "keras.json").write_text(json.dumps(settings))
    hostile = {
        "HOME": str(tmp_path),
        "KERAS_BACKEND": "torch",
        "KERAS_MAX_EPOCHS": "1",
        "KERAS_MAX_STEPS_PER_EPOCH": "1",
    }
    command = (*TRAIN, "-q", "--no-plot", "--format", "csv", "--engine")
    done = run_process(*command, "keras", cwd=tmp_path, environment=hostile)
    assert (done.code, without_cautions(done.err)) == (0, "")
    expected = run_process(*command, "compiled", cwd=tmp_path)
    rows = [csv.DictReader(io.StringIO(one.out)) for one in (done, expected)]
    for ours, theirs in zip(*rows, strict=True):
        for loss in ("test_loss", "train_loss"):
            # float16 keeps 3 digits, and the engines agree to 6.
            assert float(ours.pop(loss)) == pytest.approx(float(theirs.pop(loss)), rel=1e-5)
        assert ours == theirs


@pytest.mark.parametrize("damaged", ["[]", '{"floatx": "float99"}', "{", '{"epsilon": 1}'])
def test_a_damaged_keras_configuration_is_not_even_read(tmp_path, damaged):
    (tmp_path / "keras.json").write_text(damaged)
    imported = fake_keras(
        tmp_path,
        "import os, pathlib\n"
        "path = pathlib.Path(os.environ.get('KERAS_HOME', '~/.keras')) / 'keras.json'\n"
        "assert not path.exists(), path\n",
    )
    done = imported("import os; print(os.environ['KERAS_HOME'])", KERAS_HOME=str(tmp_path))
    assert (done.stdout, done.stderr) == (f"{tmp_path}\n", "")


@pytest.mark.parametrize(
    ("setting", "found"),
    [
        ("backend", "backend jax"),
        ("floatx", "floatx float16"),
        ("dtype_policy", "dtype policy mixed_float16"),
        ("epsilon", "epsilon 0.1"),
        ("max_epochs", "max_epochs 1"),
    ],
)
def test_settings_that_a_program_made_before_are_refused(tmp_path, setting, found):
    imported = fake_keras(tmp_path)
    value = found.split()[-1]
    value = f"type('', (), {{'name': '{value}'}})" if setting == "dtype_policy" else repr(value)
    done = imported("", before=f"import keras\nkeras.config.{setting} = lambda: {value}\n")
    assert done.stdout == ""
    assert f"MachineError: Keras was already set to {found}" in done.stderr


def fake_keras(folder, code=""):
    """Put a Keras that is quick to import in a folder; return what runs code after `load_keras`."""
    (folder / "tensorflow.py").write_text(
        "constant = float\n"
        "def get_logger():\n"
        "    import logging\n"
        "    return logging.getLogger('tensorflow')\n"
    )
    (folder / "keras.py").write_text(
        code + "class config:\n"
        "    backend = lambda: 'tensorflow'\n"
        "    floatx = lambda: 'float32'\n"
        "    epsilon = lambda: 1e-07\n"
        "    dtype_policy = lambda: type('', (), {'name': 'float32'})\n"
    )

    def run_after_import(then, before="", **environment):
        return subprocess.run(
            [sys.executable, "-c",
             f"{before}from blobtransfer.engines.keras.quiet import load_keras\n"
             f"load_keras()\n{then}\n"],
            capture_output=True, text=True, cwd=folder,
            env=ENVIRONMENT | {"PYTHONPATH": str(folder)} | environment,
        )  # fmt: skip

    return run_after_import


def test_keras_is_imported_in_silence_where_no_file_can_be_made(tmp_path):
    imported = fake_keras(tmp_path, "import os\nos.write(2, b'noise')\n")
    nowhere = (
        "import tempfile\n"
        "def none(): raise FileNotFoundError(2, 'No usable temporary directory found')\n"
        "tempfile.TemporaryFile = none\n"
    )
    done = imported("print('here')", before=nowhere)
    assert (done.stdout, done.stderr) == ("here\n", "")
