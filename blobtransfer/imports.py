"""Import of libraries that change the process of the caller as they are imported."""

import os
import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def clean_import() -> Iterator[None]:
    """Undo what imports in the block change, and hide their warnings.

    scikit-learn and rich draw from Python's random numbers; scikit-learn sets environment variables
    and warning filters, and warns where shared memory is missing.
    """
    random_state, environment = random.getstate(), dict(os.environ)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        random.setstate(random_state)
        for name in os.environ.keys() - environment.keys():
            del os.environ[name]
        os.environ |= environment
