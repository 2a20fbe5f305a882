"""`python -m blobtransfer`, and the command `blobtransfer`."""

import gc
import os
import sys

from blobtransfer.cli import interrupts


def run() -> int:
    """Run the program; Ctrl-C and SIGTERM are answered from the first moment."""
    interrupts.install()
    # Imports make many objects that stay: fewer collections save about a tenth of the start-up.
    gc.set_threshold(50_000, 20, 20)
    # OpenBLAS threads would reserve unused memory, hang when memory is short, and make the last
    # digits depend on the number of processors.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # NumPy and matplotlib fail if it is not a number; no output contains a date of theirs.
    os.environ.pop("SOURCE_DATE_EPOCH", None)
    try:
        from blobtransfer.cli.app import main
    except (ImportError, MemoryError, OSError) as error:  # too few open files or too little memory
        advice = "free some memory, or raise the limits (ulimit -v, ulimit -n)"
        sys.stderr.write(f"error: blobtransfer cannot be loaded ({error}); {advice}\n")
        return 1
    code = main()
    interrupts.ignore()
    gc.freeze()  # the last collection would take a tenth of the time of a small command
    return code


if __name__ == "__main__":
    sys.exit(run())
