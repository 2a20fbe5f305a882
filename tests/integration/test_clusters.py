"""Real commands on a real cluster: the bytes of one machine, whoever is lost on the way."""

import json
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Event, Thread

import pytest
from helpers.clusters import Cluster, service, wait_until
from helpers.commands import ENVIRONMENT, Finished, assert_refused, run_process, without_cautions
from helpers.stores import COMMANDS, ENDLESS, FRESH, LONG, n_blocks, without_times
from helpers.texts import says_in_order
from helpers.trials import third_of

pytestmark = pytest.mark.slow

OTHER_VERSIONS = """
import importlib.metadata
found = importlib.metadata.version
importlib.metadata.version = lambda name: "1.0" if name == "scipy" else found(name)
"""


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Lend a cluster of two workers that no test harms."""
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    cluster.add_worker()
    cluster.add_worker()
    yield cluster
    cluster.close()


@pytest.fixture
def cluster(tmp_path):
    """Lend a scheduler without workers, which may be killed."""
    folder = tmp_path / "cluster"
    folder.mkdir()
    cluster = Cluster(folder)
    yield cluster
    cluster.close()


@pytest.fixture(scope="module")
def alone(forks, tmp_path_factory):
    """Return the CSV of the long command on this machine."""
    folder = tmp_path_factory.mktemp("alone")
    assert forks.run_process(*LONG, "-o", "a.csv", cwd=folder).code == 0
    return (folder / "a.csv").read_bytes()


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "name", third_of(["compare", "nested", "speed", "scores", "table", "grid", "pairs"])
)
def test_a_cluster_gives_the_bytes_of_one_machine(name, shared, run, tmp_path):
    command, fewer, more = COMMANDS[name]
    quiet = ("-q", "--no-plot")
    assert run(*command, *more, *quiet, "-o", "here.csv", "-o", "here.json").code == 0
    there = ("--scheduler", shared.file, "--store", "a.db", *quiet)
    # some of it, and then the rest
    assert run(*command, *fewer, *there).code == 0
    done = run(*command, *more, *there, "-o", "there.csv", "-o", "there.json")
    assert (done.code, without_cautions(done.err)) == (0, "")
    assert (tmp_path / "there.csv").read_bytes() == (tmp_path / "here.csv").read_bytes()
    here, there = (without_times(tmp_path / f"{where}.json") for where in ("here", "there"))
    assert here == there


def test_parts_may_run_on_a_cluster_too(shared, run):
    command = (*FRESH, "--repeats", "40", "--scheduler", shared.address)
    done = run(*command, "--only-repeats", "10..39", "--store", "a.db")
    assert (done.code, done.err) == (0, "a.db has 30 of 40 repeats\n")


def test_workers_that_are_lost_cost_nothing_and_others_are_waited_for(
    forks, cluster, alone, tmp_path
):
    cluster.add_worker()
    cluster.add_worker()
    options = ("--scheduler", cluster.file, "--store", "a.db", "-o", "a.csv")
    command = tuple(word for word in LONG if word != "-q")
    process = forks.start(*command, *options, cwd=tmp_path)
    n_kept = 0
    for worker in cluster.workers:  # one, and then both
        wait_until(
            lambda n=n_kept: n_blocks(tmp_path / "a.db") > n + 1 or process.poll() is not None
        )
        n_kept = n_blocks(tmp_path / "a.db")
        worker.kill()
    printed = ""
    while "waiting for workers" not in printed:
        line = process.stderr.readline()
        assert line
        printed += line
    cluster.add_worker()
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert f"waiting for workers (0 connected to {cluster.file})\n" in printed
    # the scheduler may still count one that was killed
    assert re.search(r"^[12] workers? connected$", err, re.MULTILINE)
    assert (tmp_path / "a.csv").read_bytes() == alone


def test_where_the_scheduler_is_lost_what_is_done_is_kept(forks, cluster, alone, tmp_path):
    cluster.add_worker()
    process = forks.start(*ENDLESS, "--scheduler", cluster.file, "--store", "a.db", cwd=tmp_path)
    wait_until(lambda: n_blocks(tmp_path / "a.db") > 1 or process.poll() is not None)
    cluster.scheduler.kill()
    out, err = process.communicate(timeout=120)
    *_, last = err.splitlines()  # after a line about waiting, if the worker took long to connect
    done = Finished(process.returncode, out, f"{last}\n")
    assert_refused(done, str(cluster.file), "the scheduler is gone", code=1)
    assert re.search(r"[\d,]+ of 4,000,000 repeats stored", err)
    done = forks.run_process(*LONG, "--store", "a.db", "-o", "a.csv", cwd=tmp_path)
    assert done.code == 0
    assert (tmp_path / "a.csv").read_bytes() == alone


def test_a_worker_of_other_versions_is_refused_unless_mixed(cluster, run, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(OTHER_VERSIONS)
    cluster.add_worker({"PYTHONPATH": str(tmp_path)})
    command = (*FRESH, "--repeats", "40", "--no-plot", "--scheduler", cluster.file)
    done = run(*command)
    assert (done.code, done.out) == (1, "")
    *_, last = done.err.splitlines()
    assert says_in_order(
        last, "error: 1 of 1 workers", "tcp://127.0.0.1:", "(scipy 1.0, not ", "--mixed"
    )
    done = run(*command, "--mixed", "-o", "a.json")
    assert done.code == 0
    record = json.loads((tmp_path / "a.json").read_text())
    # all are alike, though not as this process
    assert record["n_mixed"] == 0 and record["versions"]["scipy"] == "1.0"
    cluster.add_worker()
    cluster.wait_for_workers(2)
    command = (*FRESH, "--repeats", "4000", *command[-3:], "--mixed", "-o", "a.json")
    assert run(*command).code == 0
    record = json.loads((tmp_path / "a.json").read_text())
    assert 0 < record["n_mixed"] < 4000
    assert "mixed" in {caution["kind"] for caution in record["cautions"]}


def test_ctrl_c_keeps_what_is_done_and_leaves_the_cluster(forks, shared, tmp_path):
    command = [word for word in ENDLESS if word != "-q"]
    options = ("--scheduler", shared.file, "--store", "a.db")
    process = forks.start(*command, *options, cwd=tmp_path)
    wait_until(lambda: n_blocks(tmp_path / "a.db") > 0 or process.poll() is not None)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130
    (kept,) = re.findall(r"a\.db has (\S+) of 4,000,000 repeats", err)
    assert out.startswith(f"Stopped at {kept} of 4,000,000 repeats\n")
    assert all(worker.poll() is None for worker in shared.workers)


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl to make a certificate")
def test_certificates_are_those_of_dasks_own_configuration(tmp_path):
    """The variables are those that docs/large-runs.md names."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         "/CN=localhost", "-keyout", "key.pem", "-out", "cert.pem"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    page = (Path(__file__).parents[2] / "docs" / "large-runs.md").read_text()
    exports = re.search(r"^```sh\n(export DASK_.*?)^dask scheduler", page, re.MULTILINE | re.DOTALL)
    shell = subprocess.run(
        ["sh", "-c", f"{exports[1]}env"], check=True, capture_output=True, text=True
    )
    named = dict(re.findall(r"^(DASK_DISTRIBUTED__COMM__\w+)=(\S+)$", shell.stdout, re.MULTILINE))
    assert len(named) == 8
    files = {"ca.pem": "cert.pem"}
    secure = {
        name: str(tmp_path / files.get(value, value)) if value.endswith(".pem") else value
        for name, value in named.items()
    }
    cluster = Cluster(tmp_path, secure, "tls")
    try:
        cluster.add_worker()
        assert cluster.address.startswith("tls://")
        command = (*FRESH, "--repeats", "40", "-q", "--no-plot", "--scheduler", cluster.address)
        assert run_process(*command, cwd=tmp_path, environment=secure).code == 0
        done = run_process(*command, cwd=tmp_path)  # without a certificate
        assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
        assert "no scheduler answers" in done.err
    finally:
        cluster.close()


def test_without_any_worker_it_says_so_and_can_be_stopped(forks, cluster, tmp_path):
    process = forks.start(*FRESH, "-q", "--no-plot", "--scheduler", cluster.address, cwd=tmp_path)
    line = process.stderr.readline()
    assert line == f"waiting for workers (0 connected to {cluster.address})\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "")


# ---------------------------------------------------------------- services that are no scheduler

CONNECT = """
import sys
from blobtransfer.errors import MachineError
from blobtransfer.execution import dask

dask.CONNECT_S = 0.5
for address in sys.argv[1:]:
    try:
        dask.DaskExecutor(address, print, lambda: None)
    except MachineError as error:
        print(error)
"""


def drip(connection):
    """Send zeros one by one until the client has gone."""
    while True:
        connection.sendall(b"\0")
        Event().wait(0.05)


def sends(content, closes=False):
    """Return a service that sends bytes, and then closes or waits until the client has gone."""

    def answer(connection):
        connection.sendall(content)
        while not closes and connection.recv(65_536):
            pass

    return answer


SERVICES = {
    "silent": sends(b""),
    "closes": sends(b"", closes=True),
    "zeros": sends(bytes(64)),
    "drips": drip,
    "claims 10 GB": sends(struct.pack("Q", 10 * 2**30) + bytes(100)),
    "claims too much": sends(struct.pack("Q", 2**63 + 5)),
    "letters": sends(b"220 example.org ESMTP\r\n" * 9),
    "http": sends(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
    "http that closes": sends(b"HTTP/1.1 400 Bad Request\r\n\r\n", closes=True),
    "no message": sends(struct.pack("QQQ", 16, 1, 0)),
}


def test_a_service_that_is_no_scheduler_is_one_line_and_the_end_is_silent(tmp_path):
    with ExitStack() as stack:
        addresses = [stack.enter_context(service(answer)) for answer in SERVICES.values()]
        done = subprocess.run(
            [sys.executable, "-c", CONNECT, *addresses, "tcp://no-such-host.invalid:8786"],
            cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) == len(SERVICES) + 1
    for address, line in zip(addresses, lines, strict=False):
        assert line.startswith(f"{address}: no scheduler answers (")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_wait_for_a_service_that_is_silent(forks, number, tmp_path):
    is_connected = Event()

    def answer(connection):
        is_connected.set()
        connection.recv(65_536)
        Event().wait(60)

    with service(answer) as address:
        process = forks.start(*FRESH, "--no-plot", "--scheduler", address, cwd=tmp_path)
        assert is_connected.wait(120)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (128 + number, "", "")


@pytest.mark.exhaustive
@pytest.mark.parametrize("content", third_of([bytes(64), b"\xff" * 64]))
def test_where_a_scheduler_sends_garbage_what_is_done_is_kept(forks, shared, content, tmp_path):
    host, port = shared.address.removeprefix("tcp://").split(":")
    is_garbage = Event()

    def forward(source, target, is_from_scheduler):
        with suppress(OSError):
            while chunk := source.recv(65_536):
                is_replaced = is_from_scheduler and is_garbage.is_set()
                target.sendall(content if is_replaced else chunk)

    def answer(connection):
        with socket.create_connection((host, int(port))) as scheduler:
            Thread(target=forward, args=(connection, scheduler, False), daemon=True).start()
            forward(scheduler, connection, True)

    with service(answer) as address:
        process = forks.start(*ENDLESS, "--scheduler", address, "--store", "a.db", cwd=tmp_path)
        wait_until(lambda: n_blocks(tmp_path / "a.db") > 1 or process.poll() is not None)
        is_garbage.set()
        out, err = process.communicate(timeout=120)
    assert (process.returncode, out, err.count("\n")) == (1, "", 1)
    assert "repeats stored; the same command resumes" in err
