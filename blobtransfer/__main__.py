"""`python -m blobtransfer`, and the command `blobtransfer`."""

import sys

from blobtransfer.cli import interrupts


def run() -> int:
    """Run the program; Ctrl-C and SIGTERM are answered from the first moment."""
    interrupts.install()
    from blobtransfer.cli.app import main

    code = main()
    interrupts.ignore()
    return code


if __name__ == "__main__":
    sys.exit(run())
