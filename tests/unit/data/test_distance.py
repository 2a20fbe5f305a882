"""How far two problems are apart."""

import numpy as np
import pytest

from blobtransfer.data import load_dataset
from blobtransfer.data.dataset import Dataset
from blobtransfer.data.distance import distance_between
from blobtransfer.specs.drawn import BlobsSpec, MoonsSpec


def task_of(points, labels):
    x, y = np.array(points, np.float32), np.array(labels)
    spec = BlobsSpec(0, n_classes=2)
    return Dataset(spec, x_train=x, y_train=y, x_test=x, y_test=y)


def test_it_is_the_way_of_the_class_means_in_standard_deviations():
    # Both features vary by 1 around the means (0, 0) and (10, 0); all is moved by (3, 4).
    square = [(-1, -1), (-1, 1), (1, -1), (1, 1)]
    points = [*square, *((x + 10, y) for x, y in square)]
    labels = [0] * 4 + [1] * 4
    source = task_of(points, labels)
    target = task_of([(x + 3, y + 4) for x, y in points], labels)
    assert distance_between(source, target) == pytest.approx(5.0)
    assert distance_between(source, source) == 0.0
    # where the classes change places each mean has moved by 10
    assert distance_between(source, task_of(points, labels[::-1])) == pytest.approx(10.0)


def test_a_class_without_rows_is_left_out():
    one = task_of([(0, 0), (2, 0)], [0, 0])
    both = task_of([(1, 0), (3, 0), (9, 9)], [0, 0, 1])
    assert distance_between(one, both) == pytest.approx(1.0 / np.sqrt((0.5 + 1 / 3) / 2))


def test_it_is_not_known_between_other_features_classes_or_where_nothing_varies():
    blobs = load_dataset(BlobsSpec(1))
    assert distance_between(blobs, load_dataset(BlobsSpec(1, n_features=3))) is None
    assert distance_between(blobs, load_dataset(MoonsSpec(1))) is None
    still = task_of([(0, 0), (1, 1)], [0, 1])
    assert distance_between(still, still) is None
