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

plt.style.use("seaborn-v0_8-colorblind")
net = gnn.ReactionNetwork.from_text("""
    @parameter k = 10
    make: 0 -> A @ k
    A -> 0 @ 1
    A -> B @ 0.5
    2 B -> A @ 2
""")
time = np.linspace(0.0, 6.0, 61)[1:]

# %% [markdown]
# ## The rate equations, and counts around them
#
# Dividing counts by Omega gives concentrations, in which the rate equations are written: `plot` does it with
# `units="concentration"`.

# %%
ode = gnn.simulate(net, time=time, method="ode")
exact = {}
for volume in VOLUMES:
    exact[volume] = gnn.simulate(net, time=time, volume=volume, method="rejection", replicates=REPLICATES, seed=1)

figure, axes = plt.subplots(1, len(VOLUMES), sharey=True, figsize=(11, 4), layout="constrained")
for ax, (volume, run) in zip(axes, exact.items()):
    run.plot(ax, units="concentration", samples=1)
    ode.plot(ax)
    ax.set_title(f"Omega = {volume}")
    ax.get_legend().remove()
    ax.label_outer()
_ = figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize="small")

# %% [markdown]
# The mean of the counts is not the solution of the rate equations. Reactions of two molecules are to blame: the mean
# of a product is not the product of the means. The difference falls like 1 / Omega, until the sampling error hides it.

# %%
for volume, run in exact.items():
    low, high = run.interval("B")[:, -1] / volume
    print(
        f"Omega = {volume:4}: mean of B {run.mean('B')[-1] / volume:.4f} [{low:.4f}, {high:.4f}], "
        f"rate equations {ode['B'][0, -1]:.4f}"
    )

# %% [markdown]
# ## Fluctuations
#
# `linear_noise` computes a covariance without sampling, and `langevin` samples real-valued paths. We compare the
# standard deviation of B, in concentrations, times sqrt(Omega): in the limit it does not depend on Omega.

# %%
linear = gnn.simulate(net, time=time, method="linear_noise")
in_theory = np.sqrt(linear.covariance[0, :, 1, 1])
figure, ax = plt.subplots(figsize=(8.5, 3.8), layout="constrained")
ax.plot(time, in_theory, "k--", label="linear noise")
paths = [gnn.simulate(net, time=time, volume=v, method="langevin", replicates=REPLICATES, seed=2) for v in VOLUMES]
for k, ((volume, run), langevin) in enumerate(zip(exact.items(), paths)):
    ax.plot(time, run.std("B") / volume**0.5, color=f"C{k}", label=f"exact, Omega = {volume}")
    ax.plot(time, langevin.std("B") * volume**0.5, ":", color=f"C{k}", label=f"Langevin, Omega = {volume}")
ax.set(xlabel="time [s]", ylabel="std. dev. of B / Omega, times sqrt(Omega)", ylim=(0, None))
_ = ax.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1, 1))

# %% [markdown]
# ## Distributions
#
# At Omega = 1 there are one or two molecules of B. Their law is not symmetric, the Gaussian of linear noise reaches
# below 0, and the Langevin equation is off where there is nothing. At Omega = 100 all three agree.

# %%
figure, axes = plt.subplots(1, len(VOLUMES), figsize=(9, 3), layout="constrained")
for ax, (volume, run), langevin in zip(axes, exact.items(), paths):
    counts = run["B"][:, -1]
    width = max(1, int(3.5 * counts.std() / len(counts) ** (1 / 3)))
    bins = np.arange(counts.min() - 0.5, counts.max() + width + 0.5, width)
    ax.hist(counts, bins=bins, density=True, alpha=0.5, label="exact")
    middle, spread = linear["B"][0, -1] * volume, in_theory[-1] * volume**0.5
    ax.hist(langevin["B"][:, -1] * volume, bins=bins, density=True, histtype="step", label="Langevin")
    x = np.linspace(middle - 4 * spread, middle + 4 * spread, 200)
    ax.plot(x, np.exp(-(((x - middle) / spread) ** 2) / 2) / (spread * (2 * np.pi) ** 0.5), label="linear noise")
    ax.set(title=f"Omega = {volume}", xlabel="molecules of B")
axes[0].set_ylabel("probability per molecule")
_ = figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize="small")

# %% [markdown]
# ## A verdict
#
# `certify` compares a method with an exact one on your own model, with intervals that hold together: is each mean
# within 5 %, and each variance within 15 %?

# %%
for volume in VOLUMES:
    certificate = gnn.certify(
        net, "langevin", t_end=6.0, volume=volume, replicates=4 * REPLICATES, seed=3,
        tolerance_mean=0.05, tolerance_variance=0.15,
    )  # fmt: skip
    worst = max(certificate.rows, key=lambda row: abs(row.variance_error))
    low, high = worst.variance_interval
    print(
        f"Omega = {volume:4}: {certificate.verdict}; largest error of a variance: {worst.species} at {worst.time} s, "
        f"{worst.variance_error:+.0%} [{low:+.0%}, {high:+.0%}]"
    )

# %% [markdown]
# At Omega = 1 the interval excludes 0: the Langevin equation is off, as the figures show. The interval reaches to both
# sides of -15 %, so 8,000 replicates do not decide whether the error is within the tolerance: that is what
# "inconclusive" means. It is not "holds". With 100,000 replicates the verdict is "fails".
#
# The rates of all limits, down to gradient descent, are in [ladder.md](../ladder.md).

# %%
plt.show()  # opens the figures if this file is run as a script; Jupyter has shown them already
