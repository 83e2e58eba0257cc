# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # XOR learns
#
# A neural network made of chemical reactions learns exclusive or. Forward pass, backpropagation and weight update are
# reactions that run at once in one pot; we simulate every one of them.

# %% tags=["parameters"]
PRESENTATIONS = 1500
VOLUMES = (100, 300, 1000)

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import gillespie_nn as gnn

plt.style.use("seaborn-v0_8-colorblind")
folder = Path(tempfile.mkdtemp())
spec = gnn.training_network((2, 4, 1), h=0.25, learning_rate=0.01)
print(spec)
print("\n".join(spec.network.describe().splitlines()[:8]), "\n...")

# %% [markdown]
# Each number is a concentration; a signed one is the difference of two, called rails. The modules are described in
# [chemistry.md](../chemistry.md).
#
# ## Train
#
# Samples are presented one after the other, each for T seconds of simulated time. A training run of 1,500
# presentations is about a billion reactions, and takes half a minute after compilation. With `output` every recorded
# number goes into a file.

# %%
fit = gnn.train("xor", seed=0, presentations=PRESENTATIONS, output=folder / "smooth.h5")
print(fit)

# %% [markdown]
# ## The learning curve
#
# `course` evaluates the recorded weights on the four inputs in floating point.

# %%
with gnn.open_run(folder / "smooth.h5") as run:
    learning = gnn.analysis.course(run)
    weights = np.asarray(run.weights)
    recorded = np.asarray(run.training["recorded"]) + 1

figure, (top, bottom) = plt.subplots(2, 1, sharex=True, figsize=(7, 5), layout="constrained")
top.semilogy(learning.presentation, learning.rmse)
top.set_ylabel("RMSE of the outputs")
top.set_yticks([0.02, 0.05, 0.1, 0.2, 0.5], labels=["0.02", "0.05", "0.1", "0.2", "0.5"])
top.minorticks_off()
bottom.plot(recorded, weights, lw=0.8)
_ = bottom.set(xlabel="presentations", ylabel="17 weights [concentration]")

# %% [markdown]
# The weights move in steps of random size: each is a number of molecules.
#
# ## What it has learnt
#
# `predict` simulates the trained forward network with the weights held fixed. `exact_forward=True` computes the same in
# floating point, which shows what the molecules add.

# %%
inputs = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
molecules, floats = fit.predict(inputs)[:, 0], fit.predict(inputs, exact_forward=True)[:, 0]
print("input   molecules   floating point")
for x, by_molecules, by_floats in zip(inputs, molecules, floats):
    print(f"{x[0]} {x[1]} {by_molecules:13.3f} {by_floats:13.3f}")
print("accuracy", fit.accuracy)

# %% [markdown]
# Between the four corners the output is a smooth surface:

# %%
side = np.linspace(-0.25, 1.25, 61)
grid = np.stack(np.meshgrid(side, side), axis=-1)
surface = fit.spec.floating.forward(fit.weights, grid.reshape(-1, 2)).reshape(61, 61)
figure, ax = plt.subplots(figsize=(5, 4), layout="constrained")
drawn = ax.pcolormesh(side, side, surface, cmap="RdBu_r", vmin=-0.5, vmax=1.5)
ax.contour(side, side, surface, levels=[0.5], colors="black")
ax.scatter(*inputs.T, c=[0, 1, 1, 0], cmap="RdBu_r", vmin=-0.5, vmax=1.5, edgecolors="black", s=80)
ax.set(xlabel="first input", ylabel="second input")
_ = figure.colorbar(drawn, label="output")

# %% [markdown]
# ## How many molecules does it take?
#
# The volume Omega is the number of molecules that stand for the number 1. It sets the noise, and how many reactions
# fire:

# %%
for volume in VOLUMES:
    trained = gnn.train("xor", seed=0, presentations=PRESENTATIONS, volume=volume)
    print(f"Omega = {volume:5}: RMSE {trained.scores['rmse']:.3f}, {trained.n_events:.2g} reactions fired")

# %% [markdown]
# All three learn XOR. Which volume learns *better*, one seed each does not tell: the RMSE differs as much from seed to
# seed. With seeds 0 to 3 it is 0.011 to 0.060 at Omega = 100, and 0.029 to 0.075 at Omega = 300. Accuracy against the
# volume over many seeds is a study of `gillespie-nn reproduce`: see [results.md](../results.md).

# %% [markdown]
# ## Smooth ReLU and ReLU
#
# The derivative of ReLU jumps at 0, so no mass-action network computes it. Here it is threshold chemistry, to compare
# with. One seed shows one run; what holds over many is in [results.md](../results.md).

# %%
curves = {"smooth_relu": learning}
for activation in ("relu", "leaky_relu"):
    path = folder / f"{activation}.h5"
    gnn.train("xor", seed=0, presentations=PRESENTATIONS, activation=activation, output=path)
    with gnn.open_run(path) as run:
        curves[activation] = gnn.analysis.course(run)
figure, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
for (activation, curve), line in zip(curves.items(), ("-", "--", "-.")):
    ax.semilogy(curve.presentation, curve.rmse, line, label=activation)
ax.set(xlabel="presentations", ylabel="RMSE of the outputs")
_ = ax.legend()

# %% [markdown]
# References: S. Kang, J. Kim, arXiv:2410.11919, for the idea; the reactions of training are our reconstruction. The
# smooth ReLU is that of D. F. Anderson, B. Joshi and A. Deshpande, J. R. Soc. Interface 18 (2021) 20210031.

# %%
plt.show()  # opens the figures if this file is run as a script; Jupyter has shown them already
