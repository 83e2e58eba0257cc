"""Compile what most tests need, each method once: pytest's processes would each compile all of it."""

from gillespie_nn.api.warm import warm

if __name__ == "__main__":
    warm()
