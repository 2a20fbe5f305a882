"""The compiled engine: machine code for the shape of a network."""
