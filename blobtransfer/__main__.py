"""`python -m blobtransfer`, and the command `blobtransfer`."""

import signal
import sys


def run() -> int:
    """Run the program; Ctrl-C is answered from the first moment."""
    try:
        from blobtransfer.cli import main

        code = main()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # what is left is only to leave
    except KeyboardInterrupt:
        return 130
    return code


if __name__ == "__main__":
    sys.exit(run())
