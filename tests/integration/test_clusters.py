"""Real commands on a real cluster: the bytes of one machine, whoever is lost on the way."""

import json
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from helpers.clusters import Cluster, wait_until
from helpers.commands import run_process, start
from integration.test_stores import COMMANDS, FRESH, LONG, n_blocks, without_times

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
def alone(tmp_path_factory):
    """Give the CSV of the long command on this machine."""
    folder = tmp_path_factory.mktemp("alone")
    assert run_process(*LONG, "-o", "a.csv", cwd=folder).code == 0
    return (folder / "a.csv").read_bytes()


@pytest.mark.parametrize("name", ["compare", "nested", "speed", "scores", "table", "grid", "pairs"])
def test_a_cluster_gives_the_bytes_of_one_machine(name, shared, run, tmp_path):
    command, fewer, more = COMMANDS[name]
    quiet = ("-q", "--no-plot")
    assert run(*command, *more, *quiet, "-o", "here.csv", "-o", "here.json").code == 0
    there = ("--scheduler", shared.file, "--store", "a.db", *quiet)
    # some of it, and then the rest
    assert run(*command, *fewer, *there).code == 0
    done = run(*command, *more, *there, "-o", "there.csv", "-o", "there.json")
    assert (done.code, done.err) == (0, "")
    assert (tmp_path / "there.csv").read_bytes() == (tmp_path / "here.csv").read_bytes()
    here, there = (without_times(tmp_path / f"{where}.json") for where in ("here", "there"))
    assert here == there


def test_parts_may_run_on_a_cluster_too(shared, run):
    command = (*FRESH, "--repeats", "40", "--scheduler", shared.address)
    done = run(*command, "--only-repeats", "10..39", "--store", "a.db")
    assert (done.code, done.err) == (0, "a.db keeps 30 of 40 repeats\n")


def test_workers_that_are_lost_cost_nothing_and_others_are_waited_for(cluster, alone, tmp_path):
    cluster.add_worker()
    cluster.add_worker()
    options = ("--scheduler", cluster.file, "--store", "a.db", "-o", "a.csv")
    command = tuple(word for word in LONG if word != "-q")
    process = start(*command, *options, cwd=tmp_path)
    n_kept = 0
    for worker in cluster.workers:  # one, and then both
        wait_until(
            lambda n=n_kept: n_blocks(tmp_path / "a.db") > n + 1 or process.poll() is not None
        )
        n_kept = n_blocks(tmp_path / "a.db")
        worker.kill()
    said = ""
    while "waiting for workers" not in said:
        said += process.stderr.readline()
    cluster.add_worker()
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0
    assert f"waiting for workers (0 connected to {cluster.file})\n" in said
    assert "1 worker connected\n" in err
    assert (tmp_path / "a.csv").read_bytes() == alone


def test_where_the_scheduler_is_lost_what_is_done_is_kept(cluster, alone, tmp_path):
    cluster.add_worker()
    process = start(*LONG, "--scheduler", cluster.file, "--store", "a.db", cwd=tmp_path)
    wait_until(lambda: n_blocks(tmp_path / "a.db") > 1 or process.poll() is not None)
    cluster.scheduler.kill()
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (1, "")
    assert re.fullmatch(
        rf"error: {re.escape(str(cluster.file))}: the scheduler is gone; start it and workers "
        r"again; [\d,]+ of 6,000 repeats kept; the same command goes on\n",
        err,
    )
    done = run_process(*LONG, "--store", "a.db", "-o", "a.csv", cwd=tmp_path)
    assert done.code == 0
    assert (tmp_path / "a.csv").read_bytes() == alone


def test_a_worker_of_other_versions_is_refused_unless_mixed(cluster, run, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(OTHER_VERSIONS)
    cluster.add_worker({"PYTHONPATH": str(tmp_path)})
    command = (*FRESH, "--repeats", "40", "--no-plot", "--scheduler", cluster.file)
    done = run(*command)
    assert (done.code, done.out) == (1, "")
    *_, last = done.err.splitlines()
    assert re.fullmatch(
        r"error: 1 of 1 workers would not compute as this process does: tcp://127\.0\.0\.1:\d+ "
        r"\(scipy 1\.0, not [\d.]+\); end them, or add --mixed",
        last,
    )
    done = run(*command, "--mixed", "-o", "a.json")
    assert done.code == 0
    record = json.loads((tmp_path / "a.json").read_text())
    # all are alike, though not as this process
    assert record["n_mixed"] == 0 and record["versions"]["scipy"] == "1.0"
    cluster.add_worker()
    command = (*FRESH, "--repeats", "4000", *command[-3:], "--mixed", "-o", "a.json")
    assert run(*command).code == 0
    record = json.loads((tmp_path / "a.json").read_text())
    assert 0 < record["n_mixed"] < 4000
    assert record["cautions"][0]["kind"] == "mixed"


def test_ctrl_c_keeps_what_is_done_and_leaves_the_cluster(shared, tmp_path):
    command = [word for word in LONG if word != "-q"]
    command[command.index("6000")] = "4000000"
    options = ("--scheduler", shared.file, "--store", "a.db")
    process = start(*command, *options, cwd=tmp_path)
    wait_until(lambda: n_blocks(tmp_path / "a.db") > 0 or process.poll() is not None)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130
    (kept,) = re.findall(r"a\.db keeps (\S+) of 4,000,000 repeats; the same command goes on", err)
    assert out.startswith(f"Stopped at {kept} of 4,000,000 repeats\n")
    assert all(worker.poll() is None for worker in shared.workers)


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl to make a certificate")
def test_certificates_are_those_of_dasks_own_configuration(tmp_path):
    """The variables are those that docs/scale.md names."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         "/CN=localhost", "-keyout", "key.pem", "-out", "cert.pem"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    page = (Path(__file__).parents[2] / "docs" / "scale.md").read_text()
    named = dict(re.findall(r"(DASK_DISTRIBUTED__COMM__\w+)=(\S+)", page))
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


def test_without_any_worker_it_says_so_and_can_be_stopped(cluster, tmp_path):
    process = start(*FRESH, "--no-plot", "--scheduler", cluster.address, cwd=tmp_path)
    line = process.stderr.readline()
    assert line == f"waiting for workers (0 connected to {cluster.address})\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "")
