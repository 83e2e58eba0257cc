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
# # A cell that grows and divides
#
# Most models of gene expression have a constant volume, and let dilution by growth be one more decay. Real cells double
# their volume and halve it at once, and molecules go to either daughter at random. What does that change?

# %% tags=["parameters"]
REPLICATES = 8000
CYCLES = 12

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import gillespie_nn as gnn

plt.style.use("seaborn-v0_8-colorblind")
packaged = gnn.ReactionNetwork.from_file("growing_cell")
cell = gnn.ReactionNetwork.from_text(packaged.to_text() + "@rule m = mRNA / V\n@rule p = protein / V\n")
print(cell.describe())

# %% [markdown]
# Two lines are new: rules for the concentrations of messenger and protein, in molecules per volume of a cell at birth.
# `@rate` makes the volume V a continuous variable. It grows exponentially and doubles in 30 minutes. The event is
# division: at V = 2 each molecule goes to either daughter with probability 1/2, and we follow one of them. The gene
# makes messengers in proportion to V, which is an assumption (a gene that is replicated late would not).
#
# ## One lineage

# %%
growth = cell.parameters["growth"]
cycle = np.log(2) / growth
one = gnn.simulate(cell, t_end=6 * cycle, n_points=1501, seed=1)
hours = one["time"] / 3600
figure, axes = plt.subplots(3, 1, sharex=True, figsize=(8, 6), layout="constrained")
for ax, count, concentration, name in zip(axes[1:], ("mRNA", "protein"), ("m", "p"), ("messengers", "proteins")):
    ax.plot(hours, one[count][0], label="molecules")
    ax.plot(hours, one[concentration][0], "--", label="concentration [molecules / V at birth]")
    ax.set(ylabel=name, ylim=(0, None))
axes[0].plot(hours, one["V"][0])
axes[0].set(ylabel="volume [at birth]", ylim=(0, 2.2))
axes[2].legend(loc="lower right", fontsize="small")
axes[2].set_xlabel("time [h]")
print(f"divisions every {cycle / 60:.1f} minutes, method {one.method}")

# %% [markdown]
# The number of proteins doubles and halves. The concentration does not follow the cycle, but division is a jump for it,
# too: each daughter gets half of the volume, but only on average half of the molecules.
#
# ## The same gene at constant volume
#
# We write the usual model: the volume is that of the mean over a cycle, 1 / ln 2, and dilution is a decay at the rate
# of growth. It is made of Python objects this time; `law` is the text of a propensity.

# %%
volume = 1 / np.log(2)
constant = gnn.ReactionNetwork(
    reactions=[
        gnn.Reaction({}, {"mRNA": 1}, 1.0, "transcription", law=gnn.law("k_transcription * V")),
        gnn.Reaction({"mRNA": 1}, {}, 0.005, "degradation"),
        gnn.Reaction({"mRNA": 1}, {"mRNA": 1, "protein": 1}, cell.parameters["k_translation"], "translation"),
        gnn.Reaction({"mRNA": 1}, {}, growth, "dilution_mRNA"),
        gnn.Reaction({"protein": 1}, {}, growth, "dilution_protein"),
    ],
    initial={"mRNA": round(4 * volume), "protein": round(400 * volume)},
    parameters={"V": volume, "k_transcription": cell.parameters["k_transcription"]},
)

# %% [markdown]
# After some cycles both have forgotten their start. We compare the concentrations over one cycle, by the square of the
# coefficient of variation (CV): variance over mean squared. All cells grow alike here and divide at the same times, so
# we take the moment of a cell's life at random: 40 points of the last cycle, one replicate at each.

# %%
end = CYCLES * cycle
time = np.append(0.0, end + np.linspace(0, 1, 41)[1:] * cycle)
growing = gnn.simulate(cell, time=time, replicates=REPLICATES, seed=2)
steady = gnn.simulate(constant, time=time, replicates=REPLICATES, seed=3)
pick = (np.arange(REPLICATES), 1 + np.arange(REPLICATES) % 40)  # each replicate at one point, so values are independent
samples = {
    ("growing", "mRNA"): growing["m"][pick],
    ("constant", "mRNA"): steady["mRNA"][pick] / volume,
    ("growing", "protein"): growing["p"][pick],
    ("constant", "protein"): steady["protein"][pick] / volume,
    ("growing", "proteins, counted"): growing["protein"][pick].astype(float),
    ("constant", "proteins, counted"): steady["protein"][pick].astype(float),
}
rng = np.random.default_rng(4)


def cv2(values):
    """Variance over mean squared, and its 95 % interval from 1,000 resamples (bootstrap)."""
    resampled = rng.choice(values, (1000, len(values)))
    low, high = np.quantile(resampled.var(axis=1) / resampled.mean(axis=1) ** 2, (0.025, 0.975))
    return values.var() / values.mean() ** 2, low, high


for (model, quantity), values in samples.items():
    error = 1.96 * values.std() / len(values) ** 0.5
    ratio, low, high = cv2(values)
    print(
        f"{quantity:18} {model:9} mean {values.mean():6.2f} +- {error:.2f}   CV^2 {ratio:.4f} [{low:.4f}, {high:.4f}]"
    )

# %%
figure, axes = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
for ax, quantity, unit in zip(axes, ("protein", "proteins, counted"), ("molecules / V at birth", "molecules")):
    both = np.concatenate([samples["growing", quantity], samples["constant", quantity]])
    bins = np.linspace(both.min(), both.max(), 40)
    for model, line in (("growing", "-"), ("constant", "--")):
        ax.hist(samples[model, quantity], bins=bins, density=True, histtype="step", lw=2, ls=line, label=model)
    ax.set(xlabel=f"protein [{unit}]", ylabel="density")
_ = axes[0].legend()

# %% [markdown]
# The means agree: dilution at the rate of growth is right for them. The concentrations vary a few per cent more in the
# growing cell. A small cell has more noise, and the mean of 1 / V over a cycle, 1 / (2 ln 2) = 0.721, is 4 % above 1 /
# (mean of V) = 0.693. So for concentrations the constant volume is a good approximation here.
#
# Counts are another matter. A microscope that counts molecules in cells of all ages sees the spread of the volumes,
# too: V is between 1 and 2 with a CV^2 of 1.5 ln 2 - 1 = 0.040, which is most of what the counts of the protein show.
#
# ## Two molecules must meet
#
# In a growing volume a reaction of two molecules has V in its propensity. What if one forgets it? Here A is made in
# proportion to V, and pairs bind.

# %%
PAIR = """
    @parameter V = 1
    @rate V = 0.000385 * V
    make: 0 -> A @ propensity(0.05 * V)
    bind: 2 A -> B @ propensity(0.0001 * A * (A - 1) {per_volume})
    @event division: when V >= 2; set V = V / 2, A = binomial(A, 0.5), B = binomial(B, 0.5)
    @rule a = A / V
"""
figure, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
for label, per_volume, line in (("with 1 / V in the law", "/ V", "-"), ("without", "", "--")):
    network = gnn.ReactionNetwork.from_text(PAIR.format(per_volume=per_volume))
    pairs = gnn.simulate(network, t_end=(CYCLES + 2) * cycle, n_points=40 * (CYCLES + 2) + 1, replicates=200, seed=5)
    last = slice(40 * CYCLES, None)
    phase = (pairs["time"][last] - CYCLES * cycle) / cycle
    low, high = pairs.interval("a")[:, last]
    ax.plot(phase, pairs.mean("a")[last], line, label=label)
    ax.fill_between(phase, low, high, alpha=0.3)
    a = pairs["a"][:, 40 * (CYCLES + 1) :].mean(axis=1)
    print(f"{label}: mean of a over a cycle {a.mean():.2f} +- {1.96 * a.std(ddof=1) / len(a) ** 0.5:.2f}")
ax.set(xlabel="time [cell cycles]", ylabel="free A [molecules / V at birth]", ylim=(0, None))
_ = ax.legend()

# %% [markdown]
# Without the volume in its law A binds too fast in a large cell: its mean is 16 % too low, and the error follows the
# cell cycle. The written-out law is the only place where this shows. A reaction in mass action, such as `2 A -> B @ k`,
# knows the volume Omega of the run but not the variable V.
#
# ## Cells that divide at random
#
# So far all cells divide at the same times. In the next model a cell adds a volume between birth and division that is
# drawn anew each time: about 1, with a standard deviation of 10 %. Bacteria add a volume (Taheri-Araghi et al. 2015);
# the numbers are ours. In the third model each cell draws its rate of growth at birth, too, with 10 %.

# %%
ADDER = """
    @parameter V = 1
    @parameter limit = 2
    @parameter growth = 0.000385
    @rate V = growth * V
    @event division: when V >= limit; set V = V / 2, limit = V / 2 + max(0.1, normal(1, 0.1))
"""
adder = gnn.ReactionNetwork.from_text(ADDER)
both = gnn.ReactionNetwork.from_text(ADDER.rstrip() + ", growth = max(0.0001, normal(0.000385, 0.0000385))")
models = {"all alike": (packaged, ":"), "added volume at random": (adder, "--"), "and growth at random": (both, "-")}
folder = Path(tempfile.mkdtemp())
points = {"t_end": CYCLES * cycle, "n_points": 20 * CYCLES + 1}
figure, ax = plt.subplots(figsize=(8, 3.6), layout="constrained")
for name, (network, line) in models.items():
    cells = gnn.simulate(
        network, replicates=REPLICATES // 4, seed=6, record="moments", output=folder / f"{name}.h5", **points
    )
    assert isinstance(cells, gnn.MomentsRun)
    low, high = cells.interval("V")
    ax.plot(cells["time"] / cycle, cells.mean("V"), line, label=name)
    ax.fill_between(cells["time"] / cycle, low, high, alpha=0.3)
ax.set(xlabel="time [cycles of the mean rate of growth]", ylabel="mean volume [at birth]", ylim=(0.9, 2.2))
_ = ax.legend(loc="upper right", ncols=3, fontsize="small")

# %% [markdown]
# A division at a random volume blurs the steps, but cells stay in phase: a cell that divides late is large, and its
# daughters divide early. With one rate of growth V is exp(growth t) over a power of 2, whatever the divisions. Only a
# rate of growth that differs from cell to cell makes them forget when they began.
#
# With `record="moments"` nothing else is stored, however many the cells. Files stay readable later:

# %%
again = gnn.open_moments(folder / "and growth at random.h5")
mean, error = again.mean("V")[-1], again.standard_error("V")[-1]
print(f"{again.n_done} cells, mean volume at the end {mean:.3f} +- {1.96 * error:.3f}, std {again.std('V')[-1]:.3f}")

# %% [markdown]
# References: D. Huh, J. Paulsson, Proc. Natl. Acad. Sci. USA 108 (2011) 15004-15009; S. Taheri-Araghi et al., Current
# Biology 25 (2015) 385-391.

# %%
plt.show()  # opens the figures if this file is run as a script; Jupyter has shown them already
