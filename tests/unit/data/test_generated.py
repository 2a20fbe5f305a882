"""Generated rows against those of scikit-learn, and the best possible accuracy on them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import datasets

from blobtransfer.data import generated, load_dataset
from blobtransfer.errors import MachineError
from blobtransfer.specs.generated import (
    BlobsSpec,
    CirclesSpec,
    ClassificationSpec,
    MoonsSpec,
    QuantilesSpec,
)

SEEDS = st.one_of(st.sampled_from([0, 1, 2**32 - 1]), st.integers(0, 2**32 - 1))
SIZES = st.integers(2, 300)
NOISE = st.sampled_from([0.0, 0.2, 3.0])
BLOBS = st.builds(
    BlobsSpec, SEEDS, n_samples=SIZES.map(lambda n: n + 20), n_train=st.just(20),
    n_classes=st.integers(2, 10), n_features=st.integers(1, 40),
    cluster_std=st.floats(0.01, 50.0),
)  # fmt: skip
MOONS = st.builds(
    MoonsSpec, SEEDS, n_samples=SIZES.map(lambda n: n + 2), n_train=st.just(2), noise=NOISE
)
CIRCLES = st.builds(
    CirclesSpec, SEEDS, n_samples=SIZES.map(lambda n: n + 2), n_train=st.just(2), noise=NOISE,
    factor=st.floats(0.1, 0.9),
)  # fmt: skip
QUANTILES = st.builds(
    QuantilesSpec, SEEDS, n_samples=SIZES.map(lambda n: n + 20), n_train=st.just(10),
    n_classes=st.integers(2, 5), n_features=st.integers(1, 40), std=st.floats(0.1, 10.0),
)  # fmt: skip
CLASSIFICATION = st.builds(ClassificationSpec, SEEDS, n_features=st.integers(5, 9))


def draw_with_scikit_learn(spec):
    """Return the features and the classes of a spec by the generator of scikit-learn."""
    n, seed = spec.n_samples, spec.seed
    match spec:
        case BlobsSpec():
            return datasets.make_blobs(
                n, spec.n_features, centers=spec.n_classes, cluster_std=spec.cluster_std,
                random_state=seed,
            )  # fmt: skip
        case MoonsSpec():
            return datasets.make_moons(n, noise=spec.noise, random_state=seed)
        case CirclesSpec():
            return datasets.make_circles(n, noise=spec.noise, factor=spec.factor, random_state=seed)
        case QuantilesSpec():
            return datasets.make_gaussian_quantiles(
                cov=spec.std**2, n_samples=n, n_features=spec.n_features,
                n_classes=spec.n_classes, random_state=seed,
            )  # fmt: skip
        case ClassificationSpec():
            return datasets.make_classification(
                n, n_features=spec.n_features, n_informative=spec.n_informative,
                n_redundant=spec.n_redundant, n_classes=spec.n_classes,
                n_clusters_per_class=spec.n_clusters, flip_y=spec.flip,
                class_sep=spec.separation, random_state=seed,
            )  # fmt: skip


@pytest.mark.parametrize("specs", [BLOBS, MOONS, CIRCLES, QUANTILES, CLASSIFICATION])
def test_the_rows_are_those_of_scikit_learn_to_the_bit(specs):
    @settings(max_examples=100)
    @given(specs)
    def check(spec):
        x, y = draw_with_scikit_learn(spec)
        dataset = generated.make(spec)
        assert np.vstack([dataset.x_train, dataset.x_test]).tobytes() == x.astype("f4").tobytes()
        assert np.hstack([dataset.y_train, dataset.y_test]).tobytes() == y.astype("i8").tobytes()
        assert (dataset.x_train.dtype, dataset.y_train.dtype) == (np.float32, np.int64)

    check()


@settings(max_examples=50)
@given(BLOBS.map(lambda spec: replace(spec, n_test=30)))
def test_centres_and_fresh_test_rows_of_blobs_are_those_of_scikit_learn(spec):
    _, _, centers = datasets.make_blobs(
        spec.n_samples, spec.n_features, centers=spec.n_classes, random_state=spec.seed,
        return_centers=True,
    )  # fmt: skip
    seed = int(np.random.SeedSequence(spec.seed, spawn_key=(1,)).generate_state(1)[0])
    x, y = datasets.make_blobs(30, centers=centers, cluster_std=spec.cluster_std, random_state=seed)
    dataset = generated.make(spec)
    assert dataset.centers.tobytes() == centers.tobytes()
    assert dataset.x_test.tobytes() == x.astype("f4").tobytes()
    np.testing.assert_array_equal(dataset.y_test, y)


@pytest.mark.parametrize("kind", [MoonsSpec, CirclesSpec, QuantilesSpec])
def test_fresh_test_rows_leave_the_training_rows_as_they_were(kind):
    usual, fresh = load_dataset(kind(1)), load_dataset(kind(1, n_test=3_000))
    np.testing.assert_array_equal(usual.x_train, fresh.x_train)
    assert len(fresh.y_test) == 3_000
    assert not np.isin(fresh.x_test[:, 0], usual.x_test[:, 0]).any()


def test_fresh_test_rows_of_classification_are_of_the_same_clusters():
    dataset = load_dataset(ClassificationSpec(1, n_test=3_000, separation=3.0, flip=0.0))
    centres = [dataset.x_train[dataset.y_train == k].mean(axis=0) for k in range(3)]
    distances = [np.linalg.norm(dataset.x_test - centre, axis=1) for centre in centres]
    assert np.mean(np.argmin(distances, axis=0) == dataset.y_test) > 0.9
    assert len(dataset.y_train) == 500


def test_without_noise_all_is_possible():
    assert load_dataset(MoonsSpec(1, noise=0.0)).best_possible() == 1.0
    assert load_dataset(CirclesSpec(1, noise=0.0)).best_possible() == 1.0
    assert load_dataset(QuantilesSpec(1)).best_possible() == 1.0
    assert load_dataset(ClassificationSpec(1)).best_possible() is None


@pytest.mark.parametrize("kind", [MoonsSpec, CirclesSpec])
def test_no_rule_that_learnt_from_many_rows_is_better_than_the_ceiling(kind):
    spec = kind(1, noise=0.35, n_samples=20_000, n_train=10_000, n_test=20_000)
    dataset = load_dataset(spec)
    low, high = dataset.x_train.min(axis=0), dataset.x_train.max(axis=0)

    def cells_of(x):
        """Return the column and the line of each row in a grid of 16 by 16 cells."""
        return tuple(np.clip(16 * (x - low) / (high - low), 0, 15).astype(int).T)

    counts = np.zeros((16, 16, 2))  # the rule is the larger class of a cell
    np.add.at(counts, (*cells_of(dataset.x_train), dataset.y_train), 1)
    accuracy = np.mean(counts.argmax(axis=2)[cells_of(dataset.x_test)] == dataset.y_test)
    # 20,000 rows have a standard error of 0.003.
    assert accuracy == pytest.approx(dataset.best_possible(), abs=0.012)
    assert accuracy < dataset.best_possible() + 0.004


def test_fresh_test_rows_of_blobs_leave_the_training_rows_and_centres_as_they_were():
    usual, fresh = load_dataset(BlobsSpec(2)), load_dataset(BlobsSpec(2, n_test=40_000))
    np.testing.assert_array_equal(fresh.x_train, usual.x_train)
    np.testing.assert_array_equal(fresh.centers, usual.centers)
    assert len(fresh.x_test) == 40_000
    assert not np.isin(fresh.x_test[:, 0], usual.x_train[:, 0]).any()
    # Two estimates of one accuracy near 0.84: 500 rows have a standard error of 0.016.
    assert fresh.best_possible() == pytest.approx(usual.best_possible(), abs=4 * 0.016)


@pytest.mark.parametrize("spec", [BlobsSpec(2, n_test=31), MoonsSpec(1), QuantilesSpec(1)])
def test_the_best_possible_balanced_accuracy_is_that_of_the_same_rule(spec):
    # The classes are equally likely, so the most likely class has the highest density.
    dataset = load_dataset(spec)
    recalls = [
        np.mean(dataset.best_classes[dataset.y_test == k] == k) for k in np.unique(dataset.y_test)
    ]
    assert dataset.best_possible("balanced-accuracy") == pytest.approx(np.mean(recalls), rel=1e-15)
    assert load_dataset(ClassificationSpec(1)).best_possible("balanced-accuracy") is None


def test_the_ceiling_of_two_far_blobs_is_the_normal_tail():
    # Equal classes at distance d, std s: Bayes accuracy is Phi(d / 2s).
    from scipy.stats import norm

    dataset = load_dataset(BlobsSpec(4, n_classes=2, n_features=3, cluster_std=5.0, n_test=200_000))
    distance = np.linalg.norm(dataset.centers[0] - dataset.centers[1])
    assert dataset.best_possible() == pytest.approx(norm.cdf(distance / 10.0), abs=0.004)


@pytest.mark.parametrize("n_features", [1, 2, 5])
def test_the_rows_have_the_features_and_the_classes_that_were_asked_for(n_features):
    dataset = load_dataset(BlobsSpec(1, n_features=n_features, n_classes=4))
    assert dataset.x_train.shape == dataset.x_test.shape == (500, n_features)
    assert dataset.centers.shape == (4, n_features)
    assert set(dataset.y_train) == {0, 1, 2, 3}
    assert (dataset.x_train.dtype, dataset.y_train.dtype) == (np.float32, np.int64)


def test_a_problem_is_made_once_and_kept_for_the_next_block():
    assert load_dataset(BlobsSpec(1)) is load_dataset(BlobsSpec(1))


def test_rows_that_do_not_fit_into_memory_are_one_line(monkeypatch):
    def no_memory(seed):
        raise MemoryError

    monkeypatch.setattr(generated, "_generator", no_memory)
    with pytest.raises(MachineError, match="1,000 rows x 2 features"):
        generated.make(BlobsSpec(1))
