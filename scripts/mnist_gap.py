"""What separates training MNIST in chemistry from gradient descent: see `python scripts/mnist_gap.py --help`."""

from gillespie_nn.studies.parity import main

if __name__ == "__main__":
    main()
