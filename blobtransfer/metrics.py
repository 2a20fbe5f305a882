"""The metrics of a training, in the one order that the whole program uses."""

METRICS = ("test_accuracy", "train_accuracy", "test_loss", "train_loss")
"""Accuracies are shares in [0, 1], losses the mean cross-entropy in nats."""

TEST_ACCURACY, TRAIN_ACCURACY, TEST_LOSS, TRAIN_LOSS = range(len(METRICS))
