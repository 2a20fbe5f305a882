"""Run the engines as the program calls them: packing and evaluation included."""

from dataclasses import replace

from common import ignore

from blobtransfer.engines import Job, load_engine
from blobtransfer.network import Weights

ENGINES = {name: load_engine(name) for name in ("compiled", "keras")}


def train_compiled(job: Job) -> Weights:
    """Train every run of a job, 16 networks in each vector register."""
    return ENGINES["compiled"].train(job, ignore).weights


def train_adam(job: Job) -> Weights:
    """Do the same with Adam."""
    adam = replace(job.training, learning_rate=0.001, optimizer="adam")
    return train_compiled(replace(job, training=adam))


def train_keras(job: Job) -> Weights:
    """Train every run of a job, one after another, with one compiled Keras model."""
    return ENGINES["keras"].train(job, ignore).weights
