"""Models as people save them with Keras: read with the function they have, or refused with a way
out that leads on; results files as other programs leave them.
"""

import json
import re

import numpy as np
import pytest
from helpers.commands import without_cautions
from helpers.models import probabilities
from helpers.specs import SMALL_OPTIONS
from helpers.trials import third_of

from blobtransfer.errors import SourceFileError
from blobtransfer.keras_files.read import read_source_file
from blobtransfer.keras_files.write import save_model
from blobtransfer.network import initial_weights, predicted_classes
from blobtransfer.specs.network import MLPSpec

pytestmark = [
    pytest.mark.slow,
    pytest.mark.keras,
    # Of Keras and TensorFlow, not ours.
    pytest.mark.filterwarnings("ignore"),
]

QUICK = (*SMALL_OPTIONS, "--no-plot")
ROWS = np.random.default_rng(1234).normal(0, 3, (64, 2)).astype(np.float32)


@pytest.fixture(scope="module")
def keras():
    from blobtransfer.engines.keras.quiet import load_keras

    return load_keras()


def shaken(model):
    """Return a model with weights and biases of its own."""
    rng = np.random.default_rng(4321)
    model.set_weights([rng.normal(0, 0.7, part.shape) for part in model.get_weights()])
    return model


def chain(keras, *layers, n_features=2):
    return shaken(keras.Sequential([keras.Input((n_features,)), *layers]))


def functional(keras, *layers):
    rows = keras.Input((2,))
    outputs = rows
    for layer in layers:
        outputs = layer(outputs)
    return shaken(keras.Model(rows, outputs))


def hidden_layers(keras, activation="relu", **settings):
    dense = keras.layers.Dense
    return [dense(5, activation, **settings), dense(4, activation, **settings)]


def softmax(keras, **settings):
    return keras.layers.Dense(3, "softmax", **settings)


def nested_in_functional(keras):
    base = keras.Sequential([keras.Input((2,)), *hidden_layers(keras)], name="base")
    return functional(keras, base, keras.layers.Dropout(0.1), softmax(keras))


def frozen_in_part(keras):
    """Freeze the first layer of a nested model: its weights come last in an .h5 file."""
    base = keras.Sequential([keras.Input((2,)), *(keras.layers.Dense(5, "relu") for _ in "ab")])
    base.layers[0].trainable = False
    return chain(keras, base, softmax(keras))


def split(keras, layer):
    """Dense layers whose activations are layers of their own."""
    L = keras.layers
    return chain(keras, L.Dense(5), layer(), L.Dense(4), layer(), L.Dense(3), L.Softmax())


def mixed(keras, policy):
    return chain(keras, *hidden_layers(keras, dtype=policy), softmax(keras, dtype="float32"))


def unchanged(keras):
    """Layers that change nothing before, between and after the dense layers."""
    L = keras.layers
    there_and_back = [
        L.Reshape((1, -1)), L.SpatialDropout1D(0.2), L.Permute((2, 1)), L.Flatten()
    ]  # fmt: skip
    return chain(
        keras, L.Rescaling(1.0), L.RepeatVector(1), L.Cropping1D(0), L.ZeroPadding1D((0, 0)),
        L.Flatten(), L.Identity(), L.Dense(5, "relu"), L.ReLU(), *there_and_back,
        L.Dense(4), L.LeakyReLU(negative_slope=1.0), L.Activation("tanh"), L.Reshape((4,)),
        softmax(keras), L.Identity(), L.Activation("linear"),
    )  # fmt: skip


def shared_relu(keras):
    rows, relu = keras.Input((2,)), keras.layers.ReLU()
    hidden = relu(keras.layers.Dense(5)(rows))
    hidden = relu(keras.layers.Dense(4)(hidden))
    return shaken(keras.Model(rows, softmax(keras)(hidden)))


def of_functions(keras):
    import tensorflow as tf

    dense = keras.layers.Dense
    return chain(keras, dense(5, keras.activations.relu), dense(4, tf.nn.relu), softmax(keras))


ACCEPTED = {
    "plain": lambda k: chain(k, *hidden_layers(k), softmax(k)),
    "functional": lambda k: functional(k, *hidden_layers(k), softmax(k)),
    "dropout": lambda k: chain(
        k, k.layers.Dense(5, "relu"), k.layers.Dropout(0.2), k.layers.Dense(4, "relu"),
        k.layers.GaussianNoise(0.1), softmax(k),
    ),
    "activation": lambda k: split(k, lambda: k.layers.Activation("tanh")),
    "relu layer": lambda k: split(k, k.layers.ReLU),
    "leaky layer": lambda k: split(k, lambda: k.layers.LeakyReLU(negative_slope=0.1)),
    "elu layer": lambda k: split(k, k.layers.ELU),
    "no bias": lambda k: chain(k, *hidden_layers(k, use_bias=False), softmax(k, use_bias=False)),
    "mixed_float16": lambda k: mixed(k, "mixed_float16"),
    "mixed_bfloat16": lambda k: mixed(k, "mixed_bfloat16"),
    "functions": of_functions,
    "nested": nested_in_functional,
    "frozen in part": frozen_in_part,
    "one each": lambda k: chain(
        k, k.layers.Dense(5, "tanh"), k.layers.Dense(4, "relu"), softmax(k)
    ),
    "elu": lambda k: chain(k, *hidden_layers(k, "elu"), softmax(k)),
    "gelu": lambda k: chain(k, *hidden_layers(k, "gelu"), softmax(k)),
    "leaky_relu": lambda k: chain(k, *hidden_layers(k, "leaky_relu"), softmax(k)),
    "sigmoid": lambda k: chain(k, *hidden_layers(k, "sigmoid"), softmax(k)),
    "swish": lambda k: chain(k, *hidden_layers(k, "swish"), softmax(k)),
    "softplus": lambda k: chain(k, *hidden_layers(k, "softplus"), softmax(k)),
    "unchanged": unchanged,
    "shared": shared_relu,
    "masking": lambda k: chain(k, k.layers.Masking(), *hidden_layers(k), softmax(k)),
    "log_softmax": lambda k: chain(k, *hidden_layers(k), k.layers.Dense(3, "log_softmax")),
    "penalty": lambda k: chain(
        k,
        k.layers.Dense(5, "relu", kernel_regularizer="l2"),
        k.layers.Dense(4, "relu", kernel_constraint=k.constraints.MaxNorm(3)),
        softmax(k),
    ),
    "sigmoid unit": lambda k: chain(k, *hidden_layers(k), k.layers.Dense(1, "sigmoid")),
    "logits": lambda k: chain(k, *hidden_layers(k), k.layers.Dense(3)),
}  # fmt: skip

NOTES = {
    "dropout": ["ignored"],
    "no bias": ["no bias in"],
    "mixed_float16": ["saved with mixed_float16"],
    "mixed_bfloat16": ["saved with mixed_bfloat16"],
    "nested": ["ignored"],
    "unchanged": ["ignored"],
    "masking": ["ignored"],
    "log_softmax": ["the output layer is log_softmax"],
    "penalty": ["ignored regularizer of", "ignored constraint of"],
    "sigmoid unit": ["the output is one sigmoid unit"],
    "logits": ["the output layer is linear"],
}


@pytest.mark.exhaustive
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("name", third_of(ACCEPTED))
def test_a_model_is_read_with_the_function_that_it_has_in_keras(keras, tmp_path, name, suffix):
    model = ACCEPTED[name](keras)
    model.save(tmp_path / f"model{suffix}")
    source = read_source_file(tmp_path / f"model{suffix}")
    found = probabilities(source.network.activation, source.weights, ROWS)
    expected = np.asarray(model.predict_on_batch(ROWS), np.float64)
    if name in ("logits", "log_softmax"):
        expected = np.exp(expected) / np.exp(expected).sum(axis=1, keepdims=True)
    if name == "sigmoid unit":
        expected = np.hstack([1 - expected, expected])
    # Half precision has 3 digits, bfloat16 between 2 and 3.
    tolerance = 0.05 if name.startswith("mixed") else 2e-6
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)
    assert source.output == "softmax"
    said = NOTES.get(name, [])
    assert len(source.notes) == len(said)
    for note, start in zip(source.notes, said, strict=True):
        assert note.startswith(start)


@pytest.mark.parametrize(
    "network",
    [
        MLPSpec(activation="gelu"),
        MLPSpec(activation="leaky_relu=0.1"),
        MLPSpec(hidden=(5, 4, 3), activation=("tanh", "leaky_relu=0.3", "elu")),
    ],
    ids=str,
)
def test_plain_keras_opens_what_is_saved_here_and_so_do_we(keras, tmp_path, network):
    weights = initial_weights(network, 0, 0)
    save_model(network, weights, tmp_path / "model.keras")
    model = keras.saving.load_model(tmp_path / "model.keras")
    found = np.asarray(model.predict_on_batch(ROWS)).argmax(axis=1)
    np.testing.assert_array_equal(found, predicted_classes(network, weights, ROWS))
    source = read_source_file(tmp_path / "model.keras")
    assert (source.network, source.notes) == (network, ())


# ---------------------------------------------------------------- what is refused, and its advice


def refusal_of(model, path):
    model.save(path)
    with pytest.raises(SourceFileError) as caught:
        read_source_file(path)
    return str(caught.value)


def as_advised(keras, model, problem):
    """Do what the line says, and return what is to be saved."""
    if "train a chain of Dense layers" in problem:
        words = re.search(r"Dense layers \((.*?)\), the last with softmax", problem)[1].split()
        dense = [keras.layers.Dense(4, word) for word in words]
        return chain(keras, *dense, keras.layers.Dropout(0.1), softmax(keras))
    if "new.set_weights(old.get_weights())" in problem:
        plain = chain(keras, *hidden_layers(keras), softmax(keras))
        for new, old in zip(plain.layers, model.layers, strict=True):
            new.set_weights(old.get_weights())
        return plain
    (code,) = re.findall(r"; save (?:a plain copy: )?(.*?)(?:, and prepare.*|, with.*)?$", problem)
    names = {"keras": keras, "model": model}
    if not code.startswith("plain = "):
        return eval(code, names)
    exec(code, names)
    return names["plain"]


def batch_normalization(keras):
    dense, norm = keras.layers.Dense, keras.layers.BatchNormalization
    return chain(keras, dense(5, "relu"), norm(), dense(4, "relu"), norm(), softmax(keras))


def normalization(keras, build=chain):
    """Three layers before the dense ones, two of which change the rows."""
    normalization = keras.layers.Normalization()
    first = [keras.layers.Rescaling(0.5), normalization, keras.layers.Flatten()]
    model = build(keras, *first, *hidden_layers(keras), softmax(keras))
    normalization.adapt(ROWS)
    return model


def two_outputs(keras):
    rows = keras.Input((2,))
    hidden = keras.layers.Dense(4, "relu")(rows)
    return keras.Model(rows, [softmax(keras)(hidden), keras.layers.Dense(1)(hidden)])


def residual(keras):
    rows = keras.Input((2,))
    hidden = keras.layers.Dense(2, "relu")(rows)
    return keras.Model(rows, softmax(keras)(keras.layers.Add()([hidden, rows])))


def dense_before_flatten(keras):
    L = keras.layers
    first = [L.Reshape((2, 1)), L.Dense(3, "relu"), L.Flatten()]
    return chain(keras, *first, L.Dense(4, "relu"), softmax(keras))


def shared(keras):
    rows, dense = keras.Input((2,)), keras.layers.Dense(2, "relu")
    return keras.Model(rows, softmax(keras)(dense(dense(rows))))


def two_inputs(keras):
    rows = [keras.Input((1,), name=name) for name in ("a", "b")]
    both = keras.layers.Concatenate()(rows)
    return keras.Model(rows, softmax(keras)(keras.layers.Dense(4, "relu")(both)))


def convolution(keras):
    L = keras.layers
    rows = [keras.Input((4, 1)), L.Conv1D(2, 2), L.Flatten()]
    return keras.Sequential([*rows, L.Dense(4, "relu"), softmax(keras)])


def embedding(keras):
    L = keras.layers
    first = [keras.Input((2,), dtype="int32"), L.Embedding(9, 4), L.Flatten()]
    return keras.Sequential([*first, L.Dense(4, "relu"), softmax(keras)])


def norm_inside(keras):
    """Batch normalization in a nested model, and a linear hidden layer."""
    L = keras.layers
    base = keras.Sequential([keras.Input((2,)), L.Dense(5, "relu"), L.BatchNormalization()])
    return chain(keras, base, L.Dense(4, use_bias=False), softmax(keras))


def subclassed(keras):
    class Mine(keras.Model):
        def __init__(self):
            super().__init__()
            self.all = [*hidden_layers(keras), softmax(keras)]

        def call(self, rows):
            for layer in self.all:
                rows = layer(rows)
            return rows

    model = Mine()
    model(ROWS)
    return model


def dense_of_its_own(keras):
    class MyDense(keras.layers.Dense):
        pass

    return chain(keras, MyDense(5, "relu"), keras.layers.Dense(4, "relu"), softmax(keras))


def loss_of_its_own(keras):
    @keras.saving.register_keras_serializable("mine")
    class Distance(keras.losses.Loss):
        def call(self, wanted, found):
            return keras.ops.mean((wanted - found) ** 2, axis=-1)

    model = chain(keras, *hidden_layers(keras), softmax(keras))
    model.compile(loss=Distance())
    return model


REFUSED = {
    "batch normalization": (batch_normalization, r"'batch_norm\S+' 'batch_\S+' .*; save keras"),
    "layer normalization": (
        lambda k: chain(k, *hidden_layers(k), k.layers.LayerNormalization(), softmax(k)),
        "'LayerNormalization'; save keras",
    ),
    "norm inside": (norm_inside, "'BatchNormalization'; save a plain copy"),
    "normalization": (normalization, r"layer 'norm\S+' .*; save keras"),
    "normalization, functional": (
        lambda k: normalization(k, functional),
        r"layer 'norm\S+' .*; save keras",
    ),
    "rescaling": (
        lambda k: chain(k, k.layers.Rescaling(0.5), *hidden_layers(k), softmax(k)),
        r"is a Rescaling that changes the rows; save keras",
    ),
    "embedding": (embedding, r"'Embedding'; save keras.Sequential\(\[keras.Input\(\(8,\)\)"),
    "two outputs": (two_outputs, "it has 2 outputs; save keras.Model"),
    "two inputs": (two_inputs, "it has 2 inputs; save keras"),
    "residual": (residual, "do not form a chain: they branch.*; save keras"),
    "dense before flatten": (dense_before_flatten, r"acts on rows of shape \(2, 1\)"),
    "shared": (shared, r"layer 'dense\S*' is used more than once; save a plain copy"),
    "convolution": (convolution, "is of class 'Conv1D'; save keras"),
    "selu": (
        lambda k: chain(k, *hidden_layers(k, "selu"), softmax(k)),
        r"'dense\S*' 'dense\S*' .*'selu'; save a plain copy",
    ),
    "relu up to 6": (
        lambda k: split(k, lambda: k.layers.ReLU(max_value=6.0)),
        "'relu with a limit or threshold'; save a plain copy",
    ),
    "tanh on top of relu": (
        lambda k: chain(
            k, k.layers.Dense(5, "relu"), k.layers.Activation("tanh"), *hidden_layers(k)[1:],
            softmax(k),
        ),
        "follows a layer that already has the activation 'relu'; save keras",
    ),
    "prelu": (lambda k: split(k, k.layers.PReLU), r"'p_re_lu\S*' 'p_re\S*' .*; save a plain copy"),
    "subclassed": (subclassed, "a custom Mine .*; build"),
    "own dense": (dense_of_its_own, r"layer 'my_dense\S*' is a custom MyDense.*; save a plain"),
    "own loss": (loss_of_its_own, "not a plain part.*; save keras"),
    "bfloat16": (
        lambda k: chain(k, *hidden_layers(k, dtype="bfloat16"), softmax(k)),
        "'bfloat16', .*; save a plain copy",
    ),
}  # fmt: skip

EXACT = (
    "normalization", "normalization, functional", "rescaling", "embedding", "two outputs",
    "two inputs", "shared", "dense before flatten", "convolution", "own dense", "own loss",
)  # fmt: skip
"""Models whose remedy has the same outputs, for rows that it may ask to prepare."""


def assert_same_outputs(keras, model, advised, problem):
    rng = np.random.default_rng(1234)
    inputs = [rng.integers(0, 9, (8, *tensor.shape[1:])) for tensor in model.inputs]
    inputs = inputs if len(inputs) > 1 else inputs[0]
    expected = model.predict_on_batch(inputs)
    expected = expected[0] if isinstance(expected, list) else expected
    if first := re.search(r"beforehand, as (.*) does", problem):
        inputs = eval(first[1], {"keras": keras, "model": model}).predict_on_batch(inputs)
    np.testing.assert_allclose(advised.predict_on_batch(inputs), expected, rtol=0, atol=2e-6)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", third_of(REFUSED))
def test_who_does_what_a_refusal_says_is_accepted_with_the_weights(keras, tmp_path, name):
    make, problem = REFUSED[name]
    model = make(keras)
    found = refusal_of(model, tmp_path / "model.keras")
    assert re.search(problem, found)
    assert len(found) < 700 + len(str(tmp_path))
    advised = as_advised(keras, model, found)
    advised.save(tmp_path / "again.keras")
    source = read_source_file(tmp_path / "again.keras")
    assert source.network.n_classes == 3
    if "train a chain" not in found:
        trained = {weight.astype(np.float32).tobytes() for weight in model.get_weights()}
        n_new = found.count("with a new output layer")
        kernels = source.weights[: len(source.weights) - 2 * n_new : 2]
        assert {kernel.tobytes() for kernel in kernels} <= trained
    if name in EXACT:
        assert_same_outputs(keras, model, advised, found)


def test_a_quantized_model_is_called_so_and_can_be_saved_before(keras, tmp_path):
    model = chain(keras, *hidden_layers(keras), softmax(keras))
    model.save(tmp_path / "before.keras")
    model.quantize("int8")
    found = refusal_of(model, tmp_path / "model.keras")
    assert "quantized" in found
    assert read_source_file(tmp_path / "before.keras").network.hidden == (5, 4)


def test_a_model_with_lora_is_called_so_and_its_weights_can_be_loaded_without(keras, tmp_path):
    model = chain(keras, *hidden_layers(keras), softmax(keras))
    model.layers[0].enable_lora(2)
    found = refusal_of(model, tmp_path / "model.keras")
    assert "is fitted by LoRA" in found and "by load_weights, and save that" in found
    plain = chain(keras, *hidden_layers(keras), softmax(keras))
    plain.load_weights(tmp_path / "model.keras")
    plain.save(tmp_path / "plain.keras")
    source = read_source_file(tmp_path / "plain.keras")
    found = probabilities("relu", source.weights, ROWS)
    np.testing.assert_allclose(found, model.predict_on_batch(ROWS), rtol=0, atol=2e-6)


def test_weights_alone_are_called_so_and_the_whole_model_is_read(keras, tmp_path):
    model = chain(keras, *hidden_layers(keras), softmax(keras))
    model.save_weights(tmp_path / "model.weights.h5")
    with pytest.raises(SourceFileError, match=r"weights only.*model\.save\(\)$"):
        read_source_file(tmp_path / "model.weights.h5")
    (tmp_path / "model.json").write_text(model.to_json())
    with pytest.raises(SourceFileError, match=r"this looks like JSON, not a \.keras"):
        read_source_file(tmp_path / "model.json")
    model.export(tmp_path / "folder", verbose=False)
    with pytest.raises(SourceFileError, match=r"exported TensorFlow SavedModel.*model\.save\(\)$"):
        read_source_file(tmp_path / "folder")
    model.save(tmp_path / "model.keras")
    keras.saving.save_model(model, tmp_path / "unzipped", zipped=False)
    for name in ("model.keras", "unzipped"):
        assert read_source_file(tmp_path / name).network.hidden == (5, 4)


# ---------------------------------------------------------------- commands


@pytest.fixture
def save(keras, tmp_path):
    """Save a model of some output layer, after two hidden ones, under a name."""

    def save(name, *output, **settings):
        model = chain(keras, *hidden_layers(keras, **settings), *output)
        model.save(tmp_path / name)

    return save


@pytest.mark.parametrize(
    ("units", "activation", "variant"),
    [
        (3, "sigmoid", "new-head,fixed=0"), (1, None, "new-head,fixed=1"),
        (1, "relu", "add=4,fixed=1"),
    ],
)  # fmt: skip
def test_an_output_layer_that_is_reinitialised_may_be_any(
    keras, run, save, units, activation, variant
):
    save("m.keras", keras.layers.Dense(units, activation))
    kept = run("train-target", "--model", "m.keras", "--fixed", 1, *QUICK)
    assert kept.code == 2
    assert "--variant new-head,fixed=0" in kept.err
    for command in (("train-target",), ("compare", "--repeats", 2)):
        done = run(*command, "--model", "m.keras", "--variant", variant, *QUICK)
        assert done.code == 0, done.err


def test_a_model_of_two_classes_by_one_unit_goes_on_as_it_is(keras, run, save):
    save("m.keras", keras.layers.Dense(1, "sigmoid"))
    done = run("train-target", "--model", "m.keras", "--classes", 2, "--fixed", 2, *QUICK)
    assert done.code == 0, done.err
    assert "note: m.keras: the output is one sigmoid unit" in done.err


def test_what_is_not_used_is_a_note_a_line_and_in_the_results(keras, run, save, tmp_path):
    save("m.keras", keras.layers.Dropout(0.1), softmax(keras), kernel_regularizer="l2")
    for command, more in (("train-target", ()), ("compare", ("--repeats", 2))):
        done = run(command, "--model", "m.keras", *more, *QUICK, "-o", "r.json")
        assert done.code == 0, done.err
        notes = [line for line in done.err.splitlines() if line.startswith("note: m.keras: ")]
        record = json.loads((tmp_path / "r.json").read_text())
        assert notes == [f"note: m.keras: {note}" for note in record["spec"]["model_notes"]]
        assert len(notes) == 2
        quiet = run(command, "--model", "m.keras", *more, *QUICK, "-q")
        assert (quiet.code, without_cautions(quiet.err)) == (0, "")


def test_a_model_with_an_activation_each_goes_on_with_them(keras, run, tmp_path):
    layers = keras.layers
    chain(keras, layers.Dense(5, "tanh"), layers.Dense(4, "gelu"), softmax(keras)).save(
        tmp_path / "m.keras"
    )
    options = ("--model", "m.keras", "--activation", "tanh", "gelu", *QUICK, "-q")
    done = run("train-target", *options, "--save", "n.keras", "-o", "r.json")
    assert done.code == 0, done.err
    record = json.loads((tmp_path / "r.json").read_text())
    assert record["spec"]["network"]["activation"] == ["tanh", "gelu"]
    assert read_source_file(tmp_path / "n.keras").network.activation == ("tanh", "gelu")
    again = run("train-target", *options, "--save", "n.keras", "--epochs", 3)
    assert "other weights" in again.err
    other = run("train-source", "--model", "n.keras", "--hidden", 5, 4, *QUICK)
    assert "a tanh gelu network 2-5-4-3" in other.err


# ---------------------------------------------------------------- results files


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_results_that_a_shell_of_windows_has_rewritten_are_shown(forks, run, tmp_path, encoding):
    quick = ("--repeats", 2, "--fixed", 0, *QUICK)
    written = run("compare", *quick, "--format", "json")
    assert written.code == 0, written.err
    (tmp_path / "plain.json").write_text(written.out)
    (tmp_path / "r.json").write_bytes(written.out.replace("\n", "\r\n").encode(encoding))
    expected = run("show", "plain.json", "--no-plot")
    shown = run("show", "r.json", "--no-plot")
    assert (shown.code, shown.out) == (0, expected.out)
    with (tmp_path / "r.json").open("rb") as typed:
        piped = forks.run_process("show", "-", "--no-plot", cwd=tmp_path, stdin=typed)
    assert (piped.code, piped.out) == (0, expected.out)
