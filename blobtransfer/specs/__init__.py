"""What to run: plain frozen data, checked when it is made; standard library only."""
