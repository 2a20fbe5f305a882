"""The Keras engine: the reference, one training after another."""
