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
# # A gene that bursts
#
# A promoter switches on and off. While it is on, it makes messengers; all the time, messengers decay. We simulate many
# such cells exactly, compare the distribution of the messengers with its closed form, and see what bursts do to noise.

# %% tags=["parameters"]
REPLICATES = 4000
LONG = 4000.0

# %%
import matplotlib.pyplot as plt
import numpy as np
from scipy.special import betaln, gammaln, hyp1f1

import gillespie_nn as gnn

plt.style.use("seaborn-v0_8-colorblind")
gene = gnn.ReactionNetwork.from_file("bursting_gene")
print(gene.describe())

# %% [markdown]
# Time is in lifetimes of a messenger. The gene is on for a tenth of the time, and makes 20 messengers in a mean burst.
#
# ## One cell
#
# The first simulation of a method compiles it, which takes up to a minute.

# %%
cell = gnn.simulate(gene, t_end=40.0, n_points=4001, seed=3)
figure, (top, bottom) = plt.subplots(2, 1, sharex=True, figsize=(8, 4), height_ratios=(3, 1), layout="constrained")
cell.plot(top, ["M"])
cell.plot(bottom, ["On"])
top.set(xlabel="", ylabel="messengers")
bottom.set(xlabel="time [lifetimes of a messenger]", ylabel="gene", yticks=(0, 1), yticklabels=("off", "on"), title="")
for ax in (top, bottom):
    ax.get_legend().remove()

# %% [markdown]
# ## Many cells
#
# From a gene that is off and no messengers, the mean approaches 9. `plot` draws the mean with its interval, a band that
# holds 90 % of the cells, and a few single ones.

# %%
cells = gnn.simulate(gene, t_end=20.0, n_points=81, replicates=REPLICATES, seed=2)
ax = cells.plot(names=["M"])
_ = ax.set(xlabel="time [lifetimes of a messenger]", ylabel="messengers")

# %% [markdown]
# ## The distribution, and its closed form
#
# With $a$ = `k_on`, $b$ = `k_off` and $\lambda$ = `k_transcribe`, in units of the decay, Peccoud and Ycart (1995) give
# the steady state
#
# $$P(m) = \frac{\lambda^m}{m!} \frac{B(a + m, b)}{B(a, b)} \, {}_1F_1(a + m, a + b + m, -\lambda),$$
#
# with mean $\lambda a / (a + b)$ and Fano factor (variance / mean) $1 + \lambda b / ((a + b)(a + b + 1))$.

# %%
a, b, rate = (gene.parameters[name] for name in ("k_on", "k_off", "k_transcribe"))


def law(m, a=a, b=b, rate=rate):
    """Probability of m messengers in the steady state."""
    weight = m * np.log(rate) - gammaln(m + 1) + betaln(a + m, b) - betaln(a, b)
    return np.exp(weight) * hyp1f1(a + m, a + b + m, -rate)


def fano(a, b=b, rate=rate):
    """Variance / mean of the number of messengers in the steady state."""
    return 1 + rate * b / ((a + b) * (a + b + 1))


end = cells["M"][:, -1]
m = np.arange(int(end.max()) + 1)
figure, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
ax.hist(end, bins=m - 0.5, density=True, alpha=0.5, label=f"{REPLICATES} cells")
ax.plot(m, law(m), label="closed form")
ax.plot(m, np.exp(m * np.log(end.mean()) - end.mean() - gammaln(m + 1)), ":", label="Poisson, same mean")
ax.set(xlabel="messengers", ylabel="probability", ylim=(0, None))
ax.legend()
print(f"mean {cells.mean('M')[-1]:.2f}, in theory {rate * a / (a + b):.2f}")
print(f"variance / mean {end.var(ddof=1) / end.mean():.1f}, in theory {fano(a):.1f}")

# %% [markdown]
# Without bursts the Fano factor would be 1. Here, many cells have no messenger at all, and a few have very many.
#
# Is the sample what the closed form says? A Kolmogorov-Smirnov distance below `1.63 / sqrt(n)` is expected in 99 % of
# samples.

# %%
cumulative = np.cumsum(law(m))
sample = np.searchsorted(np.sort(end), m, side="right") / len(end)
distance = np.abs(sample - cumulative).max()
print(f"distance {distance:.4f}, limit {1.63 / len(end) ** 0.5:.4f}")

# %% [markdown]
# ## One cell for a long time
#
# In the steady state one cell, watched for long, shows the same distribution. `autocorrelation` says how long "long"
# is: samples further apart than the correlation time tell something new. The slowest process is the messengers' own
# decay here.

# %%
long = gnn.simulate(gene, t_end=LONG, n_points=int(LONG * 5) + 1, seed=2)
memory = gnn.analysis.autocorrelation(long, "M", start=20.0)
print(f"correlation time {memory.correlation_time:.2f} lifetimes")
print(f"mean over time {long['M'][0, 100:].mean():.2f}, over cells {end.mean():.2f}")

# %% [markdown]
# ## Fewer and larger bursts
#
# `sweep` simulates an ensemble for each value of a parameter. We change both rates of switching together, which leaves
# the mean as it is. Fast switching gives the noise of a Poisson law; slow switching gives two kinds of cells.

# %%
factors = np.array([0.2, 0.5, 1.0, 2.0, 5.0, 20.0])
table = {"k_on": list(a * factors), "k_off": list(b * factors)}
swept = gnn.sweep(gene, table, t_end=60.0, n_points=2, replicates=REPLICATES, seed=4)
ratio = swept.variance("M")[:, -1] / swept.mean("M")[:, -1]  # one for each row of the table
figure, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
x = np.geomspace(factors[0], factors[-1])
ax.loglog(x, fano(a * x, b * x), label="closed form")
ax.loglog(factors, ratio, "o", label=f"{REPLICATES} cells each")
ax.set(xlabel="speed of switching, relative to the first gene", ylabel="variance / mean")
ax.set_yticks([2, 5, 10, 20, 40], labels=["2", "5", "10", "20", "40"], minor=False)
ax.minorticks_off()
_ = ax.legend()

# %% [markdown]
# References: J. Peccoud, B. Ycart, Theor. Popul. Biol. 48 (1995) 222-234. `gillespie-nn --cite` prints those of the
# methods.

# %%
plt.show()  # opens the figures if this file is run as a script; Jupyter has shown them already
