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
# # An ensemble and its limits
#
# The same network four ways: exact counts of molecules, the chemical Langevin equation, linear noise, and the rate
# equations (ODE). As the volume Omega grows, all of them agree. How soon?

# %% tags=["parameters"]
REPLICATES = 2000
VOLUMES = (1, 10, 100)

# %%
import matplotlib.pyplot as plt
import numpy as np

import gillespie_nn as gnn

net = gnn.ReactionNetwork.from_text("""
    @parameter k = 10
    make: 0 -> A @ k
    A -> 0 @ 1
    A -> B @ 0.5
    2 B -> A @ 0.1
""")
time = np.linspace(0.0, 6.0, 61)[1:]

# %% [markdown]
# ## The rate equations, and counts around them
#
# Dividing counts by Omega gives concentrations, in which the rate equations are written.

# %%
ode = gnn.simulate(net, time=time, method="ode")
exact = {}
for volume in VOLUMES:
    exact[volume] = gnn.simulate(net, time=time, volume=volume, method="rejection", replicates=REPLICATES, seed=1)

figure, axes = plt.subplots(1, len(VOLUMES), sharey=True, figsize=(9, 3.2))
for ax, (volume, run) in zip(axes, exact.items()):
    for name, colour in (("A", "tab:blue"), ("B", "tab:orange")):
        ax.step(time, run.of(name)[:3].T / volume, where="post", color=colour, lw=0.5, alpha=0.6)
        ax.plot(time, run.of(name).mean(axis=0) / volume, color=colour, label=f"{name}, mean of counts / Omega")
        ax.plot(time, ode.of(name)[0], "--", color="black", lw=1, label="rate equations" if name == "B" else None)
    ax.set(title=f"Omega = {volume}", xlabel="time [s]")
axes[0].set_ylabel("concentration")
axes[-1].legend(fontsize="small")
figure.tight_layout()

# %% [markdown]
# The mean of the counts is not the solution of the rate equations: two B's react, and they meet more often than a
# product of means says. The difference falls like 1 / Omega.

# %%
for volume, run in exact.items():
    difference = np.abs(run.of("B").mean(axis=0) / volume - ode.of("B")[0]).max()
    print(f"Omega = {volume:4}: mean of B off by at most {difference:.4f}")

# %% [markdown]
# ## Fluctuations
#
# `linear_noise` computes a covariance without sampling, and `langevin` samples real-valued paths. We compare the
# standard deviation of B, in concentrations, times sqrt(Omega): in the limit it does not depend on Omega.

# %%
linear = gnn.simulate(net, time=time, method="linear_noise")
in_theory = np.sqrt(linear.covariance[0, :, 1, 1])
figure, ax = plt.subplots(figsize=(7, 3.8))
ax.plot(time, in_theory, "k--", label="linear noise")
for k, (volume, run) in enumerate(exact.items()):
    langevin = gnn.simulate(net, time=time, volume=volume, method="langevin", replicates=REPLICATES, seed=2)
    ax.plot(time, run.of("B").std(axis=0) / volume**0.5, color=f"C{k}", label=f"exact, Omega = {volume}")
    ax.plot(time, langevin.of("B").std(axis=0) * volume**0.5, ":", color=f"C{k}", label=f"Langevin, Omega = {volume}")
ax.set(xlabel="time [s]", ylabel="std. dev. of B / Omega, times sqrt(Omega)", ylim=(0, None))
ax.legend(fontsize="small", ncols=2)
figure.tight_layout()

# %% [markdown]
# ## Distributions
#
# At Omega = 1 the number of B is a few molecules: the exact law has steps, and Langevin's has not. At larger volumes
# the Gaussian of linear noise is close to both.

# %%
figure, axes = plt.subplots(1, len(VOLUMES), figsize=(9, 3))
for ax, (volume, run) in zip(axes, exact.items()):
    counts = run.of("B")[:, -1]
    width = max(1, int(3.5 * counts.std() / len(counts) ** (1 / 3)))
    bins = np.arange(counts.min() - 0.5, counts.max() + width + 0.5, width)
    ax.hist(counts, bins=bins, density=True, alpha=0.5, label="exact")
    middle, spread = linear.of("B")[0, -1] * volume, in_theory[-1] * volume**0.5
    x = np.linspace(max(0, middle - 4 * spread), middle + 4 * spread, 200)
    ax.plot(x, np.exp(-(((x - middle) / spread) ** 2) / 2) / (spread * (2 * np.pi) ** 0.5), label="linear noise")
    ax.set(title=f"Omega = {volume}", xlabel="molecules of B")
axes[0].set_ylabel("probability per molecule")
axes[0].legend()
figure.tight_layout()

# %% [markdown]
# ## A verdict
#
# `certify` compares a method with an exact one on your own model, with intervals that hold together.

# %%
for volume in VOLUMES:
    found = gnn.certify(net, "langevin", t_end=6.0, volume=volume, replicates=REPLICATES, seed=3)
    print(f"Omega = {volume:4}: {found.verdict}")

# %% [markdown]
# The rates of all limits, down to gradient descent, are in [ladder.md](../ladder.md).
