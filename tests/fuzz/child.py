"""A command in a child process of this one, which has imported everything."""

import contextlib
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fuzz.mutation import Mutation

LIMITS = {
    resource.RLIMIT_AS: 4 << 30,
    resource.RLIMIT_CPU: 30,
    resource.RLIMIT_FSIZE: 500_000_000,
    resource.RLIMIT_CORE: 0,
}
"""Bytes of memory, CPU seconds and bytes of a file that a command may take."""

BLOCKED_S = 300
"""Seconds after which a command that takes no CPU time counts as blocked."""


@dataclass(frozen=True)
class Outcome:
    """What a command left behind.

    Args:
        code: Its exit code, negative for the signal that ended it.
        out: Standard output.
        err: Standard error.
        cpu_s: CPU seconds.
    """

    code: int
    out: str
    err: str
    cpu_s: float

    @property
    def signal_name(self) -> str:
        """The signal that ended it, and what that means."""
        meanings = {signal.SIGXCPU: "too much CPU time", signal.SIGALRM: "blocked for ever"}
        number = signal.Signals(-self.code)
        return f"{number.name} ({meanings.get(number, 'crashed')})"


def run_in_child(mutation: Mutation, folder: Path) -> Outcome:
    """Run a command in a child process.

    Args:
        mutation: The command; it runs in the working directory.
        folder: Where its output goes.
    """
    paths = (Path(os.devnull), folder / "out", folder / "err")

    def main() -> int:
        for limit, most in LIMITS.items():
            with contextlib.suppress(OSError, ValueError):  # Not every system has every limit.
                resource.setrlimit(limit, (most, most))
        signal.alarm(BLOCKED_S)
        sys.argv = ["blobtransfer", *mutation.argv]
        os.environ.update(mutation.environment)
        return mutation.main()

    flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC
    streams = [os.open(path, flags) for path in paths]
    pid = fork(main, streams)
    for descriptor in streams:
        os.close(descriptor)
    _, status, usage = os.wait4(pid, 0)
    out, err = (path.read_text("utf-8", "backslashreplace") for path in paths[1:])
    code = os.waitstatus_to_exitcode(status)
    return Outcome(code, out, err, usage.ru_utime + usage.ru_stime)


def fork(main: Callable[[], int | None], streams: Sequence[int]) -> int:
    """Run a function in a child process, which ends with its exit code; return the process ID.

    Args:
        main: The function; None for exit code 0.
        streams: Descriptors that become standard input, output and error.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if not pid:
        code = 1
        try:
            for number, descriptor in enumerate(streams):
                os.dup2(descriptor, number)
            code = main() or 0
            sys.stdout.flush()
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    return pid
