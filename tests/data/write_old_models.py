"""Writes a model file of old Keras: `python write_old_models.py PATH keras`, or `PATH tf`.

Run once under each old version, which needs a Python of its own (3.6 for Keras 2.1.6 on
TensorFlow 1.14); the tests read what it left. The weights are exact in float32: entry j of
array i is ((37 j + i) mod 101 - 50) / 64.
"""

import sys

import numpy as np

path, kind = sys.argv[1:]
if kind == "tf":
    from tensorflow import keras
else:
    import keras

# A width of its own for each layer, so that no kernel fits in the place of another.
layers = [
    keras.layers.Dense(5, activation="tanh", input_shape=(2,)),
    keras.layers.Dense(4, activation="tanh"),
    keras.layers.Dense(3, activation="softmax"),
]
model = keras.models.Sequential(layers)
optimizer = keras.optimizers.SGD()
model.compile(optimizer=optimizer, loss="categorical_crossentropy")
model.train_on_batch(np.ones((4, 2)), np.eye(3)[[0, 1, 2, 0]])  # now the optimizer has a state
model.set_weights(
    [
        (((37 * np.arange(part.size) + i) % 101 - 50) / 64).reshape(part.shape)
        for i, part in enumerate(model.get_weights())
    ]
)
if "weights" in path:
    model.save_weights(path)
else:
    model.save(path)
