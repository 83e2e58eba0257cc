"""`python -m gillespie_nn`: the same as the command `gillespie-nn`."""

from .cli import run

if __name__ == "__main__":
    run()
