"""`python -m blobtransfer`: the same as the command `blobtransfer`."""

import sys

from blobtransfer.cli import main

sys.exit(main())
