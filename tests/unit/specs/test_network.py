import pytest

from blobtransfer.errors import SettingError
from blobtransfer.specs.network import MLPSpec


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"hidden": ()}, "hidden: no layer given; use at least one width, such as 5 5"),
        ({"hidden": (5, 0)}, "hidden 5 0: 0 is not a width; use 1 or more units"),
        (
            {"hidden": (10_000, 10_000)},
            # 2*10,000 + 10,000, then 10,000^2 + 10,000, then 10,000*3 + 3
            "hidden 10000 10000: 100,070,003 weights; use at most 4,000,000",
        ),
        ({"hidden": (1,) * 64}, f"hidden {'1 ' * 63}1: 64 layers; use at most 63"),
        ({"activation": "gelu"}, "activation gelu: use one of relu tanh sigmoid"),
        (
            {"initializer": "zeros"},
            "initializer zeros: use one of he_uniform he_normal glorot_uniform glorot_normal "
            "lecun_uniform lecun_normal",
        ),
    ],
)
def test_an_impossible_value_is_refused_with_one_line(values, line):
    with pytest.raises(SettingError) as error:
        MLPSpec(**values)
    assert str(error.value) == line


def test_the_default_network_has_63_weights():
    # 2*5+5 + 5*5+5 + 5*3+3, and 18 of them in the output layer
    network = MLPSpec()
    assert str(network) == "2-5-5-3"
    assert network.n_parameters == 63
    assert [network.n_trainable(n) for n in (0, 1, 2)] == [63, 48, 18]


def test_every_layer_is_fed_by_the_one_before():
    assert MLPSpec(4, (7, 3), 2).shapes == ((4, 7), (7, 3), (3, 2))
