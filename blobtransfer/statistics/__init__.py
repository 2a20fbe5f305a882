"""Arrays in, plain records out: spread, differences, curves, and what they allow to say."""
