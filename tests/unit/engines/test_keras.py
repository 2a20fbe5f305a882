"""The Keras model: its shape, and a quiet import."""

import numpy as np
import pytest
from helpers.commands import run_python

from blobtransfer.engines.keras.model import build_mlp
from blobtransfer.specs.network import MLPSpec

pytestmark = pytest.mark.slow

NETWORK = MLPSpec(4, (6, 3), 5, activation="tanh")


def test_the_model_is_a_sequential_of_dense_layers_in_float32():
    model = build_mlp(NETWORK)
    assert [layer.name.partition("_")[0] for layer in model.layers] == ["dense"] * 3
    assert [w.shape for w in model.get_weights()] == [(4, 6), (6,), (6, 3), (3,), (3, 5), (5,)]
    assert {w.dtype for w in model.get_weights()} == {np.dtype("float32")}
    assert [layer.activation.__name__ for layer in model.layers] == ["tanh", "tanh", "softmax"]


@pytest.mark.parametrize("n_frozen", [0, 1, 2])
def test_the_first_layers_are_frozen(n_frozen):
    model = build_mlp(MLPSpec(), n_frozen)
    n_trainable = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    assert n_trainable == MLPSpec().n_trainable(n_frozen)


def test_importing_keras_is_silent_and_the_users_settings_do_not_change_it(tmp_path):
    (tmp_path / "keras.json").write_text('{"backend": "numpy", "floatx": "float64"}')
    done = run_python(
        "from blobtransfer.engines.keras.model import build_mlp\n"
        "from blobtransfer.specs.network import MLPSpec\n"
        "model = build_mlp(MLPSpec())\n"
        "import keras\n"
        "print(keras.config.backend(), {v.dtype for v in model.variables})\n",
        KERAS_HOME=str(tmp_path),
        KERAS_BACKEND="jax",
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "tensorflow {'float32'}\n"


def test_what_was_kept_quiet_is_told_when_the_import_fails(tmp_path):
    (tmp_path / "tensorflow.py").write_text(
        "import os\nos.write(2, b'a hint from below\\n')\nraise ImportError('broken')\n"
    )
    done = run_python(
        "from blobtransfer.errors import MachineError\n"
        "from blobtransfer.engines.keras.quiet import load_keras\n"
        "try: load_keras()\n"
        "except MachineError as error: print(error)\n",
        PYTHONPATH=str(tmp_path),
    )
    assert "(broken)" in done.stdout and "install keras" in done.stdout
    assert "a hint from below" in done.stderr
