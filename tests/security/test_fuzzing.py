"""Random mutations of inputs: one line or a valid result, whatever comes; see `fuzz`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fuzz.__main__ import KINDS
from helpers import trials

pytestmark = [
    pytest.mark.security,
    pytest.mark.slow,
    pytest.mark.exhaustive,
    pytest.mark.skipif(sys.platform != "linux", reason="needs fork and its limits of memory"),
]

TESTS = Path(__file__).parents[1]


# One process imports the libraries once; several run on as many processors.
@pytest.mark.parametrize("kinds", KINDS if trials.times > 1 else [",".join(KINDS)])
def test_mutated_inputs_break_no_rule(kinds, request):
    n, seed = request.config.getoption("--mutations"), request.config.getoption("--fuzz-seed")
    finished = subprocess.run(
        [sys.executable, "-m", "fuzz", kinds, str(n), str(seed)],
        env=os.environ | {"PYTHONPATH": str(TESTS)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    print(finished.stdout)
    assert finished.returncode == 0
