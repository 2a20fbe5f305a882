"""Networks in files as Keras saves them: read as data, and written."""
