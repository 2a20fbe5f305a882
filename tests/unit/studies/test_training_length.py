"""The epochs of source and target networks: as set, or for the same number of updates."""

import pytest
from helpers.specs import SMALL, source_network

from blobtransfer.errors import SettingError
from blobtransfer.specs.data_text import parse_data_spec
from blobtransfer.specs.generated import BlobsSpec, MoonsSpec
from blobtransfer.specs.identity import identity_of
from blobtransfer.specs.variant import Variant, parse_variant
from blobtransfer.studies.comparison import build_comparison
from blobtransfer.studies.grid import build_grid
from blobtransfer.studies.pairs import build_pairs
from blobtransfer.studies.settings import ComparisonSettings
from blobtransfer.studies.sweep import build_sweep

EQUAL_COMPUTE = Variant("equal-compute")

MOONS, FEW_MOONS = MoonsSpec(1), MoonsSpec(2, n_train=40)
"""500 and 40 training rows: 16 and 2 batches of 32."""


def settings(**values):
    return ComparisonSettings(**values)


def lengths(spec):
    """Return the epochs of source networks, standalone, and equal-compute where it runs."""
    epochs = [spec.source_training.epochs, spec.training.epochs]
    return *epochs, *(spec.n_epochs(arm) for arm in spec.arms if arm.variant == EQUAL_COMPUTE)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, (100, 100)),
        ({"source_epochs": 30}, (30, 100)),
        ({"budget": "epochs"}, (100, 100)),
        ({"budget": "updates"}, (100, 800)),  # 100 * 16 / 2
        ({"budget": "updates", "batch_size": 600}, (100, 100)),  # one batch on both sides
        ({"budget": "updates", "batch_size": 100}, (100, 500)),  # 100 * 5 / 1
        ({"budget": "updates", "source": FEW_MOONS, "target": MOONS, "epochs": 9}, (9, 1)),
        ({"budget": "updates", "source": FEW_MOONS, "target": MOONS, "epochs": 1}, (1, 1)),
        # equal-compute: the updates of the source and of the target, in batches of the target
        ({"variants": [EQUAL_COMPUTE]}, (100, 100, 900)),
        ({"variants": [EQUAL_COMPUTE], "budget": "updates"}, (100, 800, 1600)),
        ({"variants": [EQUAL_COMPUTE], "source_epochs": 10}, (10, 100, 180)),
        ({"variants": [EQUAL_COMPUTE], "source": MOONS, "target": MoonsSpec(2)}, (100, 100, 200)),
        ({"variants": [EQUAL_COMPUTE], "batch_size": 600}, (100, 100, 200)),
    ],
)
def test_target_networks_and_equal_compute_make_the_updates_that_are_set(values, expected):
    spec = build_comparison(settings(**{"source": MOONS, "target": FEW_MOONS} | values))
    assert lengths(spec) == expected


def test_settings_that_change_no_epochs_change_no_identity():
    default = build_comparison(settings())
    for values in ({"source_epochs": 100}, {"budget": "updates"}, {"budget": "epochs"}):
        assert build_comparison(settings(**values)) == default
    twice = build_comparison(settings(variants=[EQUAL_COMPUTE]))
    assert twice.equal_compute_epochs is None
    more = build_comparison(settings(variants=[EQUAL_COMPUTE], source_epochs=50))
    assert identity_of(more) != identity_of(twice)


@pytest.fixture
def sites(tmp_path, monkeypatch):
    """Write a table of 200 rows of site A and 40 of site B."""
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{i % 7},{i % 5},{'pq'[i % 2]},{'AB'[i >= 200]}\n" for i in range(240))
    (tmp_path / "sites.csv").write_text("u,v,y,site\n" + rows)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("", (100, 400)),  # 100 and 20 training rows: 4 batches and 1
        (",train=35", (100, 200)),  # 2 batches
        (",train=10", (100, 400)),
    ],
)
def test_rows_of_tables_are_those_that_train(sites, keys, expected):
    source, target = (
        parse_data_spec("target", f"sites.csv:label=y,where=site:{site}{more}", 1)
        for site, more in (("A", ""), ("B", keys))
    )
    spec = build_comparison(settings(source=source, target=target, budget="updates"))
    assert spec.target.is_resplit and lengths(spec) == expected


def test_every_cell_of_a_grid_has_target_epochs_of_its_own():
    problems = [MOONS, FEW_MOONS]
    budgeted = build_grid(problems, settings(budget="updates", variants=[EQUAL_COMPUTE]))
    # source by source; on the diagonal the source is of the same data
    assert list(map(lengths, budgeted.specs)) == [
        (100, 100, 200), (100, 800, 1600), (100, 12, 24), (100, 100, 200)
    ]  # fmt: skip
    given = build_grid(problems, settings(source_epochs=40, variants=[EQUAL_COMPUTE]))
    assert list(map(lengths, given.specs)) == [
        (40, 100, 140), (40, 100, 420), (40, 100, 105), (40, 100, 140)
    ]  # fmt: skip


def test_every_pair_has_the_updates_of_its_source():
    study = build_pairs(settings(source=MOONS, target=FEW_MOONS, budget="updates"), 2)
    assert list(map(lengths, study.specs)) == [(100, 800)] * 2


def points(over, **values):
    values = {
        "source": BlobsSpec(1, **(SMALL | {"n_test": 20})),
        "target": BlobsSpec(2, **(SMALL | {"n_test": 20})),
        "batch_size": 8,
    } | values
    return [lengths(spec) for spec in build_sweep(settings(**values), [over]).specs]


def test_points_of_a_sweep_make_as_many_updates():
    # 5 batches of 8 in 40 rows; 2 in 10, the last of 2 rows
    assert points("train-samples=10,40") == [(250, 250), (100, 100)]
    assert points("train-samples=10,40", budget="epochs") == [(100, 100), (100, 100)]
    assert points("target.train=8,40") == [(100, 500), (100, 100)]
    assert points("target.train=8,40", variants=[EQUAL_COMPUTE]) == [
        (100, 500, 1000), (100, 100, 200)
    ]  # fmt: skip
    assert points("target.train=8,40", budget="epochs", variants=[EQUAL_COMPUTE]) == [
        (100, 100, 600), (100, 100, 200)
    ]  # fmt: skip


def test_source_epochs_can_be_set_for_a_sweep_or_vary_in_it():
    assert points("train-samples=10,40", source_epochs=20) == [(50, 250), (20, 100)]
    assert points("source-epochs=1,50,100") == [(1, 100), (50, 100), (100, 100)]
    assert points("source-epochs=1,50", epochs=3) == [(1, 3), (50, 3)]


FEW_ROWS = {"source": MOONS, "target": FEW_MOONS, "budget": "updates"}


@pytest.mark.parametrize(
    ("values", "setting", "value"),
    [
        (FEW_ROWS | {"source_epochs": 100}, "source-epochs", "100"),
        (FEW_ROWS | {"epochs": 200_000}, "budget", "updates"),
        (FEW_ROWS | {"variants": [parse_variant("fixed=1,unfreeze=1")]}, "variant", "unfreeze=1"),
        (FEW_ROWS | {"variants": [parse_variant("self-transfer")]}, "variant", "self-transfer"),
        ({"target": FEW_MOONS, "budget": "updates"}, "budget", "updates"),
        ({"variants": [EQUAL_COMPUTE], "source_epochs": 999_950}, "variant", "equal-compute"),
    ],
)
def test_lengths_that_cannot_be_set_are_rejected(values, setting, value):
    with pytest.raises(SettingError) as error:
        build_comparison(settings(**values))
    assert (error.value.setting, error.value.value.partition(" ")[0]) == (setting, value)


def test_a_sweep_rejects_self_transfer_where_it_would_make_other_updates_than_transfer():
    own = {"variants": [parse_variant("self-transfer")]}
    assert points("train-samples=10,40", **own) == [(250, 250), (100, 100)]
    assert points("target.train=8,40", budget="epochs", **own) == [(100, 100)] * 2
    with pytest.raises(SettingError, match="self-transfer"):
        points("target.train=8,40", **own)


@pytest.mark.parametrize(
    ("values", "setting"),
    [({"budget": "updates"}, "budget"), ({"variants": [EQUAL_COMPUTE]}, "variant")],
)
def test_the_training_of_a_model_is_known_by_its_source(values, setting):
    network = source_network()
    for sources in (None, "one"):
        model = {"model": "m.keras", "sources": sources, "target": BlobsSpec(2, n_train=40)}
        with pytest.raises(SettingError) as error:
            build_comparison(settings(**model, **values), network)
        assert error.value.setting == setting
        spec = build_comparison(settings(source=BlobsSpec(5), **model, **values), network)
        assert lengths(spec) == ((100, 800) if "budget" in values else (100, 100, 900))


def test_source_epochs_need_a_source_network_that_is_trained():
    model = {"model": "m.keras", "sources": "one", "source_epochs": 5}
    with pytest.raises(SettingError) as error:
        build_comparison(settings(**model), source_network())
    assert error.value.setting == "source-epochs"
    own = settings(**model, variants=[parse_variant("self-transfer")])
    assert lengths(build_comparison(own, source_network())) == (5, 100)
