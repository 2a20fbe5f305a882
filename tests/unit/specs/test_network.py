import pytest
from helpers.errors import raises_setting

from blobtransfer.specs.network import MLPSpec


@pytest.mark.parametrize(
    ("values", "setting", "value", "key"),
    [
        ({"hidden": ()}, "hidden", "", "5 5"),
        ({"hidden": (5, 0)}, "hidden", "5 0", "1 or more units"),
        (
            {"hidden": (10_000, 10_000)},
            # 2*10,000 + 10,000, then 10,000^2 + 10,000, then 10,000*3 + 3
            "hidden",
            "10000 10000",
            "100,070,003",
        ),
        ({"hidden": (1,) * 64}, "hidden", f"{'1 ' * 63}1", "at most 63"),
        ({"activation": "selu"}, "activation", "selu", "one of relu"),
        ({"activation": "elu=2"}, "activation", "elu=2", "one of relu"),
        ({"activation": "leaky_relu=1"}, "activation", "leaky_relu=1", "leaky_relu=0.1"),
        ({"activation": "leaky_relu="}, "activation", "leaky_relu=", "leaky_relu=0.1"),
        (
            {"activation": ("tanh", "relu", "elu")},
            "activation",
            "tanh relu elu",
            "one, or one for each",
        ),
        ({"activation": ()}, "activation", "", "one, or one for each"),
        ({"initializer": "zeros"}, "initializer", "zeros", "one of he_uniform"),
    ],
)
def test_an_impossible_value_is_refused_with_one_line(values, setting, value, key):
    with raises_setting(setting, value, key):
        MLPSpec(**values)


def test_the_default_network_has_63_weights():
    # 2*5+5 + 5*5+5 + 5*3+3, and 18 of them in the output layer
    network = MLPSpec()
    assert str(network) == "2-5-5-3"
    assert network.n_parameters == 63
    assert [network.n_trainable(n) for n in (0, 1, 2)] == [63, 48, 18]


def test_every_layer_is_fed_by_the_one_before():
    assert MLPSpec(4, (7, 3), 2).shapes == ((4, 7), (7, 3), (3, 2))


def test_activations_that_are_alike_are_one_word():
    assert MLPSpec(activation=("tanh", "tanh")) == MLPSpec(activation="tanh")
    assert MLPSpec(activation=("tanh",)) == MLPSpec(activation="tanh")
    assert MLPSpec(activation=("leaky_relu=0.20", "leaky_relu")).activation == "leaky_relu"
    assert MLPSpec(activation=("silu", "swish")).activation == "swish"


def test_each_hidden_layer_has_an_activation():
    network = MLPSpec(hidden=(5, 4, 3), activation=("tanh", "leaky_relu=0.10", "relu"))
    assert network.activations == ("tanh", "leaky_relu=0.1", "relu")
    assert network.activation_text == "tanh leaky_relu=0.1 relu"
    assert [network.activation_of(layer) for layer in range(3)] == [
        ("tanh", 0.0), ("leaky_relu", 0.1), ("relu", 0.0)
    ]  # fmt: skip
    assert MLPSpec(activation="elu").activations == ("elu", "elu")
