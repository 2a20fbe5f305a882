"""Clusters of `sklearn.datasets.make_classification`; their best possible accuracy is not known."""

from dataclasses import replace

from blobtransfer.data.dataset import Task
from blobtransfer.data.drawing import generators, split_rows
from blobtransfer.specs.drawn import ClassificationSpec


def make(spec: ClassificationSpec) -> Task:
    """Draw the rows of a problem and split them; see `drawing.split_rows`.

    Where the clusters lie depends on how many rows are drawn at once. So fresh test rows are
    drawn together with the others, and another number of them is another problem.
    """
    whole = replace(spec, n_samples=spec.n_samples + (spec.n_test or 0), n_test=None)

    def draw(n: int, seed: int) -> tuple[object, object]:
        x, y = generators().make_classification(
            n_samples=n,
            n_features=spec.n_features,
            n_informative=spec.n_informative,
            n_redundant=spec.n_redundant,
            n_classes=spec.n_classes,
            n_clusters_per_class=spec.n_clusters,
            flip_y=spec.flip,
            class_sep=spec.separation,
            random_state=seed,
        )
        return x, y

    task = split_rows(whole, draw, lambda x, y: None)
    if spec.n_test is None:
        return task
    return replace(
        task, spec=spec, x_test=task.x_test[-spec.n_test :], y_test=task.y_test[-spec.n_test :]
    )
