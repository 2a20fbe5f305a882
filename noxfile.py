"""Sessions of everyday work: `nox -l` lists them.

They use the environment that nox itself runs in, which the test command of README.md makes.
"""

import os
import shutil
import sys
from pathlib import Path

import nox

nox.options.default_venv_backend = "none"
nox.options.sessions = ["quick", "lint", "types", "rooms"]


@nox.session
def quick(session: nox.Session) -> None:
    """Run the tests of everyday work, without those marked slow or security."""
    python(session, "-m", "pytest", "-q", "-n", "2", "-m", "not slow and not security")


@nox.session
def tests(session: nox.Session) -> None:
    """Run all tests, as the README does."""
    python(session, "-m", "pytest", "-n", "2", *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """Measure the branch coverage of all tests but the random trials."""
    options = ("--cov", "-m", "not exhaustive", *session.posargs)
    python(session, "-m", "pytest", "-q", "-n", "2", *options)


@nox.session
def exhaustive(session: nox.Session) -> None:
    """Run ten times as many random trials, all costly cases, 800 mutations; takes --fuzz-seed."""
    options = ("--times", "10", "--mutations", "800", "--fuzz-seed", "2", *session.posargs)
    python(session, "-m", "pytest", "-n", "2", "-rP", "-m", "exhaustive", *options)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and format."""
    python(session, "-m", "ruff", "check", ".")
    python(session, "-m", "ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check types: strictly in the package and the examples of the docs, what is typed in tests."""
    python(session, "-m", "mypy")
    folder = session.create_tmp()
    python(session, "docs/update.py", "examples", folder)
    python(session, "-m", "mypy", folder)


@nox.session
def rooms(session: nox.Session) -> None:
    """Check that imports go downwards only."""
    session.run(str(Path(sys.executable).with_name("lint-imports")), external=True)


@nox.session
def docs(session: nox.Session) -> None:
    """Renew the output shown in README and docs, and the schema of the results."""
    python(session, "docs/update.py", *session.posargs)


@nox.session
def browser(session: nox.Session) -> None:
    """Look at the HTML report in a browser; gets Debian's Chromium where that is allowed."""
    pip = ("-m", "pip", "install", "-q", "-c", "constraints.txt", "-e", ".[browser]")
    python(session, *pip)
    if not shutil.which("chromium") and shutil.which("apt-get") and os.geteuid() == 0:
        session.run("apt-get", "install", "-q", "-y", "chromium", external=True)
    python(session, "-m", "pytest", "-q", "tests/browser", *session.posargs)


@nox.session
def benchmark(session: nox.Session) -> None:
    """Run a benchmark by name, such as `throughput`; its arguments follow."""
    name, *arguments = session.posargs
    python(session, f"tests/benchmarks/{name}.py", *arguments)


def python(session: nox.Session, *arguments: str) -> None:
    """Run this very Python."""
    session.run(sys.executable, *arguments, external=True)
