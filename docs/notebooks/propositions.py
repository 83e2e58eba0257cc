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
# # The propositions on your own network
#
# Kang and Kim state that noise of size eps moves a network by at most eps Theta, where Theta does not grow as eps falls
# (Propositions 5.1 and 5.2). We measure this on a network that we have trained ourselves: first by hand, then with
# intervals and a verdict, and at last on a network with a kink, where it fails.
#
# What is public is the inequality. That 5.1 is about fixed weights and 5.2 about a network that learns is our reading;
# noises and criteria are ours, too. See [propositions.md](../propositions.md).

# %% tags=["parameters"]
PATHS = 60
BY_HAND = 20
PRESENTATIONS = 1000
LOOKS = None  # as many as it takes, at most five

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import linregress, t

import gillespie_nn as gnn
from gillespie_nn import propositions

plt.style.use("seaborn-v0_8-colorblind")
folder = Path(tempfile.mkdtemp())
rng = np.random.default_rng(0)
x = rng.uniform(0.0, 1.0, (80, 2))
y = np.maximum(x[:, :1], x[:, 1:])  # the larger of two numbers
fit = gnn.train(
    (x, y), hidden=(3,), seed=1, method="implicit_euler", presentations=PRESENTATIONS, output=folder / "fit.h5"
)
print(f"RMSE {fit.scores['rmse']:.3f} on {len(fit.outputs)} pairs held out")

# %% [markdown]
# ## By hand
#
# We present one sample to the trained forward network, with rate constants k (1 + eps xi(t)), where xi is a new draw
# every second for each reaction. A path xi depends on the seed alone, so all eps share it. The reference is the network
# without noise.

# %%
spec = gnn.training_network(fit.spec.layers, learning=False, activation=fit.plan.settings.activation)
start = spec.initial(fit.weights, volume=1000) | spec.presentation([0.8, 0.3], None, volume=1000)
options = {
    "t_end": 20.0,
    "n_points": 401,
    "volume": 1000,
    "initial": start,
    "method": "ode",
    "rtol": 1e-10,
    "atol": 1e-12,
}
still = gnn.simulate(spec.network, **options)
sizes = np.array([1e-4, 1e-3, 1e-2, 1e-1])
theta = np.empty((len(sizes), BY_HAND))
for k, eps in enumerate(sizes):
    noise = gnn.RateNoise(eps, "bounded", step=1.0)
    moved = gnn.simulate(spec.network, noise=noise, replicates=BY_HAND, seed=2, **options)
    theta[k] = np.abs(moved.counts - still.counts).max(axis=(1, 2)) / eps  # over all times and species
    print(f"eps = {eps:7g}: Theta between {theta[k].min():.4f} and {theta[k].max():.4f}")
figure, ax = plt.subplots(figsize=(6.5, 3.6), layout="constrained")
ax.semilogx(sizes, theta, "o-", color="C0", lw=0.6, ms=3)
_ = ax.set(
    xlabel="eps", ylabel="sup |x(t; eps) - x(t)| / eps", ylim=(0, None), title="one line for each path of the noise"
)

# %% [markdown]
# Theta differs from path to path, but as eps falls by a factor of 1,000 each line becomes flat. Suprema are over
# recorded points here, 20 a second.
#
# ## With a verdict
#
# `propositions` does it properly: suprema over continuous time, the constant Theta_0 that Theta approaches, an explicit
# bound on every path, and more paths until every check is decided. The command is
#
# ```
# gillespie-nn verify-bounds --run fit.h5 --proposition 5.1 --noise rate
# ```

# %%
sources = {source.name: source for source in propositions.SOURCES}


def verify(setting, name, **how):
    """Verdict and results, with a line for each check."""
    looks = propositions.MOST_LOOKS if LOOKS is None else LOOKS
    source = sources["rate"](setting, PATHS, seed=3, looks=looks, **how)
    outcome = propositions.carry_out(source, folder / f"{name}.h5")
    record = propositions.verdict(source, outcome)
    print(f"{setting.described()}\n  {record['verdict']}: {record['reason']}")
    for check in record["checks"]:
        print(f"  {check['name']:15} {check['verdict']}")
    low, high = record["slope_interval"]
    print(f"  slope of log error in log eps, for the worst quantity {record['slope']:.4f} [{low:.4f}, {high:.4f}]\n")
    return outcome.results


forward = verify(propositions.setting_of_fit(fit, "5.1"), "forward")

# %% [markdown]
# The same for the network while it learns, from its initial weights, with two presentations:

# %%
learning = verify(propositions.setting_of_fit(fit, "5.2", presentations=2), "learning")

# %% [markdown]
# ## Where it fails
#
# A ReLU with a pre-activation that rests at 0, where its slope jumps: the smallest noise decides on which side it is,
# so the error in the slope does not fall with eps. The smooth ReLU at the same place has no such jump.

# %%
kinks = {}
for activation in ("relu", "smooth_relu"):
    choice = propositions.Choice("5.2", "kink", activation, seed=3)
    kinks[activation] = verify(propositions.setting_of(choice), activation)

# %%
figure, axes = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
panels = (
    (axes[0], {"5.1, fixed weights": forward, "5.2, learning": learning}, "your network, smooth ReLU"),
    (axes[1], kinks, "a pre-activation that rests at 0"),
)
for ax, results, title in panels:
    for (label, of), line in zip(results.items(), ("o-", "s--")):
        largest = np.nanmax(of.theta, axis=2)  # the Theta of the proposition, over all quantities
        low, middle, high = np.nanquantile(largest, (0.05, 0.5, 0.95), axis=0)
        ax.errorbar(of.size, middle, [middle - low, high - middle], fmt=line, capsize=3, label=label)
    ax.set(xscale="log", xlabel="eps", ylabel="Theta: median, 5 to 95 % of paths", title=title)
    ax.legend()
axes[0].set_ylim(0, None)
_ = axes[1].set_yscale("log")

# %% [markdown]
# Your network: Theta is finite and the same for all eps, with and without learning. A learning network goes on moving
# its weights, so its Theta is larger. With the kink, Theta of the ReLU grows like 1 / eps: no constant bounds it. The
# smooth ReLU at the same place has one.
#
# A verdict is about these networks, samples, times and paths. It is a measurement, no proof. And a network of ReLUs
# whose pre-activations do not rest near 0 passes, too: what fails is the kink, not the word ReLU.
#
# ## The noise of counts
#
# Without noise from outside, the counts of an exact simulation fluctuate by about Omega^(-1/2). So eps = Omega^(-1/2),
# and the distance to the rate equations should fall with that slope.

# %%
volumes = np.array([300, 1000, 3000, 10_000, 30_000])
logs = np.empty((len(volumes), BY_HAND))
for k, volume in enumerate(volumes.tolist()):
    begin = spec.initial(fit.weights, volume=volume) | spec.presentation([0.8, 0.3], None, volume=volume)
    counts = gnn.simulate(
        spec.network, t_end=20.0, n_points=401, volume=volume, initial=begin, replicates=BY_HAND, seed=4
    )
    logs[k] = np.log(np.abs(counts.counts / volume - still.counts).max(axis=(1, 2)))
line = linregress(np.repeat(np.log(volumes), BY_HAND), logs.ravel())
half = t.ppf(0.975, logs.size - 2) * line.stderr
print(f"slope of log error in log Omega {line.slope:.3f} [{line.slope - half:.3f}, {line.slope + half:.3f}]")

# %% [markdown]
# The interval contains -1/2. The command has this as `--noise intrinsic`, with the criteria of above; it takes much
# longer.
#
# Reference: S. Kang, J. Kim, arXiv:2410.11919. The proofs and criteria of this project are in
# [BOUNDS.md](../../gillespie_nn/propositions/BOUNDS.md).

# %%
plt.show()  # opens the figures if this file is run as a script; Jupyter has shown them already
