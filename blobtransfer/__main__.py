"""`python -m blobtransfer`, and the command `blobtransfer`."""

import sys

from blobtransfer import interrupts


def run() -> int:
    """Run the program; Ctrl-C and SIGTERM are answered from the first moment."""
    interrupts.install()
    from blobtransfer.cli.app import main

    code = main()
    return interrupts.exit_code() or code


if __name__ == "__main__":
    sys.exit(run())
