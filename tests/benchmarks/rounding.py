"""Do other processors give the same bits? Machine code for some of them, run on this one.

    python tests/benchmarks/rounding.py

Each line is a process of its own that may use fewer instructions than this processor has: in its
own machine code, and in NumPy's. The same comparison is run, and its scores and trained weights
are hashed. The first line gives the hashes, to be held beside those of another processor with the
same versions of all libraries.
"""

import hashlib
import os
import subprocess
import sys

from common import print_table

OWN = {
    "this processor": "",
    "512-bit registers": "skylake-avx512",
    "256-bit registers, FMA": "haswell",
    "256-bit registers, no FMA": "sandybridge",
    "128-bit registers, no FMA": "nehalem",
}
NUMPY = {
    "all it has": "",
    "no AVX-512": "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR X86_V4",
}
FMA = ["avx", "avx2", "fma", "f16c"]
FEATURES = {
    "skylake-avx512": [*FMA, "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"],
    "haswell": FMA,
    "sandybridge": ["avx"],
    "nehalem": [],
}
ACTIVATIONS = ("relu", "tanh", "gelu")


def main() -> None:
    rows = []
    first: dict[str, str] = {}
    for own, cpu in OWN.items():
        for numpy, disabled in NUMPY.items():
            found = []
            for activation in ACTIVATIONS:
                done = subprocess.run(
                    [sys.executable, __file__, activation, cpu],
                    env=os.environ | ({"NPY_DISABLE_CPU_FEATURES": disabled} if disabled else {}),
                    capture_output=True, text=True, check=False,
                )  # fmt: skip
                digest = done.stdout.strip() if done.returncode == 0 else "not here"
                is_known = digest == first.setdefault(activation, digest) and bool(rows)
                found.append("the same" if is_known else digest[:8])
            rows.append([own, numpy, *found])
    print_table(["machine code for", "NumPy uses", *ACTIVATIONS], rows)


def hash_of(activation: str, cpu: str) -> str:
    """Run a comparison with machine code for a processor, and hash what it gives."""
    from llvmlite import binding

    if cpu:
        wanted = set(FEATURES[cpu])
        known = binding.get_host_cpu_features()
        if not wanted <= {name for name, is_there in known.items() if is_there}:
            raise SystemExit(1)
        for name in known:
            if name.startswith(("avx", "fma", "f16c")):
                known[name] = name in wanted
        binding.get_host_cpu_features = lambda: known
        binding.get_host_cpu_name = lambda: cpu

    from blobtransfer.engines import load_engine
    from blobtransfer.running.fingerprint import current_environment
    from blobtransfer.running.run import Resources, compare
    from blobtransfer.specs.experiment import ExperimentSpec
    from blobtransfer.specs.generated import BlobsSpec
    from blobtransfer.specs.network import MLPSpec
    from blobtransfer.specs.variant import STANDALONE, transfer_variants

    spec = ExperimentSpec(
        network=MLPSpec(activation=activation), n_repeats=40, source=BlobsSpec(1),
        target=BlobsSpec(2), variants=(STANDALONE, *transfer_variants((0, 1, 2), 2)),
    )  # fmt: skip
    engine = load_engine("compiled")
    results = compare(spec, resources=Resources(engine)).cell
    rounding = current_environment(spec, engine).rounding  # of the weights of a few networks
    return hashlib.sha256(results.scores.values.tobytes() + rounding.encode()).hexdigest()


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(hash_of(*sys.argv[1:]))
    else:
        main()
