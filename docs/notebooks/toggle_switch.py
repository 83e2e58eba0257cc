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
# # A toggle switch, and how long it remembers
#
# Two genes repress each other, so a cell has two states: much of U, or much of V. Without noise each state lasts for
# ever. With counts of molecules a cell leaves it after a random time. We measure that time, and what it depends on.

# %% tags=["parameters"]
REPLICATES = 2000
T_END = 200.0
CERTIFIED = 20_000

# %%
import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import binomtest

import gillespie_nn as gnn

plt.style.use("seaborn-v0_8-colorblind")
print("packaged models:", ", ".join(gnn.models()))
switch = gnn.ReactionNetwork.from_file("toggle_switch")
print(switch.describe())

# %% [markdown]
# Time is in lifetimes of a repressor. The equations are those of Gardner, Cantor and Collins (2000). That each of the
# four terms is one reaction is ours: messengers, dimers and bursts are left out, so real switching times differ.
#
# ## From between the states
#
# The packaged model starts near the saddle between the two states. Which way does a cell go?

# %%
cells = gnn.simulate(switch, t_end=30.0, n_points=301, replicates=REPLICATES, seed=1)
end_u, end_v = cells["U"][:, -1], cells["V"][:, -1]
n_u = int((end_u > end_v).sum())
share = binomtest(n_u, REPLICATES).proportion_ci()
print(f"after 30 lifetimes {n_u / REPLICATES:.3f} [{share.low:.3f}, {share.high:.3f}] of the cells have more U than V")

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
for ends, colour in (("U", "C0"), ("V", "C1")):
    of_u = end_u[:12] > end_v[:12]
    some = np.flatnonzero(of_u if ends == "U" else ~of_u)
    lines = left.plot(cells["time"], (cells["U"] - cells["V"])[some].T, lw=0.7, color=colour)
    lines[0].set_label(f"end with more {ends}")
left.axhline(0, color="black", lw=0.5)
left.legend()
left.set(xlabel="time [lifetimes of a repressor]", ylabel="U - V [molecules]", title="12 cells")
bins = np.geomspace(1, 1000, 40)
right.hist(end_u + 1, bins=bins, histtype="step", lw=2, label="U")
right.hist(end_v + 1, bins=bins, histtype="step", lw=2, ls="--", label="V")
right.set(xscale="log", xlabel="molecules + 1", ylabel="cells", title="after 30 lifetimes")
_ = right.legend()

# %% [markdown]
# Each histogram has two peaks. A mean of U would describe no cell at all.
#
# ## How long does a cell remember V?
#
# We start all cells in the state of V, which the rate equations give, and wait for the first moment with more U than V.
# `stop_when` ends each cell there. Some cells have not switched at the end. `first_passage` takes them into account
# (Kaplan and Meier): a mean over the others alone would be too short.

# %%
rest = gnn.simulate(switch, t_end=100.0, n_points=2, method="ode", initial={"U": 0, "V": 60})
print(f"rate equations rest at U = {rest['U'][0, -1]:.1f}, V = {rest['V'][0, -1]:.1f} molecules, for ever")
in_v = {"U": round(rest["U"][0, -1]), "V": round(rest["V"][0, -1])}

run = gnn.simulate(switch, t_end=T_END, n_points=2, replicates=REPLICATES, seed=2, initial=in_v, stop_when="U > V")
for status, n in run.statuses.items():
    print(f"{n:6} cells {status}")
passage = gnn.analysis.first_passage(run, "end_time")


def median(passage):
    """Median of the passage time with its 95 % interval: the times at which the bands of survival reach 1/2."""
    middle = [passage.at[np.flatnonzero(share <= 0.5)[:1]] for share in (passage.survival, passage.low, passage.high)]
    return [float(x[0]) if len(x) else np.inf for x in middle]


print(passage)
print("median {:.1f} [{:.1f}, {:.1f}] lifetimes".format(*median(passage)))
waiting = passage.time.sum() / passage.passed.sum()
print(f"if the time is exponential, its mean is {waiting:.1f} and its median {waiting * np.log(2):.1f} lifetimes")

# %%
figure, ax = plt.subplots(figsize=(7, 3.8), layout="constrained")
passage.plot(ax)
ax.lines[0].set_label(f"Kaplan-Meier, {passage.passed.sum()} of {REPLICATES} switched")
ax.lines[1].set_label(f"median {passage.median:.1f}")
t = np.linspace(0, T_END)
ax.plot(t, np.exp(-t / waiting), "k--", label=f"exponential, mean {waiting:.1f}")
ax.set(xlabel="time [lifetimes of a repressor]", ylabel="fraction still in the state of V", title="", yscale="log")
ax.set_ylim(0.5 * passage.survival.min(), 1.1)
_ = ax.legend(fontsize="small")

# %% [markdown]
# The way to the other state takes some ten lifetimes. After that the curve is nearly straight on the logarithmic axis:
# a cell does not remember how long it has been in the state. The exponential law misses the delay, and so it falls a
# little too slowly.
#
# The way back takes far longer than we simulate. Of the cells that begin with much U, none returns. `watch` is another
# way to ask: it adds a parameter that notes the moment, -1 before it, and cells go on. The law of the counts stays the
# same.

# %%
rest = gnn.simulate(switch, t_end=100.0, n_points=2, method="ode", initial={"U": 600, "V": 0})
in_u = {"U": round(rest["U"][0, -1]), "V": round(rest["V"][0, -1])}
watched = gnn.analysis.watch(switch, "V > U", "switched")
back = gnn.simulate(watched, t_end=T_END, n_points=2, replicates=REPLICATES // 20, seed=3, initial=in_u)
print("from", in_u, "-", gnn.analysis.first_passage(back, "switched"))
print("each cell", *(str(gnn.Status(code)) for code in np.unique(back.status)))
print(f"with 95 % confidence the mean time is above {len(back) * T_END / 3:.0f} lifetimes, if it is exponential")

# %% [markdown]
# ## What the time depends on
#
# A sweep over `alpha1`, the strength of the promoter of U, and one over `scale`, the molecules that make one unit of
# concentration. The rate equations in concentrations do not contain `scale`: it changes noise alone.

# %%
figure, axes = plt.subplots(1, 2, figsize=(10, 3.8), sharey=True, layout="constrained")
tables = {"alpha1": [110.0, 125.0, 140.0, 156.25, 175.0, 200.0], "scale": [2.0, 4.0, 6.0, 8.0, 12.0, 16.0]}
for ax, (name, values) in zip(axes, tables.items()):
    v = [round(in_v["V"] * (x / 4 if name == "scale" else 1)) for x in values]  # the same concentration at the start
    swept = gnn.sweep(
        switch, {name: values, "V": v}, t_end=20 * T_END, n_points=2, replicates=REPLICATES // 4, seed=4,
        initial=in_v, stop_when="U > V",
    )  # fmt: skip
    assert isinstance(swept, gnn.Sweep)
    middle = np.array([median(gnn.analysis.first_passage(row, "end_time")) for row in swept])
    for value, (m, low, high) in zip(values, middle):
        print(f"{name} = {value:6g}: median {m:.1f} [{low:.1f}, {high:.1f}] lifetimes")
    m, low, high = middle.T
    ax.errorbar(values, m, [m - low, high - m], fmt="o-", capsize=3, label="median, 95 % interval")
    ax.set(xlabel={"alpha1": "alpha1 [concentration]", "scale": "scale [molecules per concentration]"}[name])
    ax.set_yscale("log")
axes[0].set_yticks([10, 20, 50, 100, 200, 500], labels=["10", "20", "50", "100", "200", "500"], minor=False)
axes[0].minorticks_off()
axes[0].set_ylabel("time in the state of V [lifetimes]")
_ = axes[0].legend()

# %% [markdown]
# With `alpha1` from 110 to 200 the median falls by a factor of 30: a promoter that is less than twice as strong lowers
# the barrier between the states. With more molecules at the same concentrations noise is smaller, and the switch
# remembers longer.
#
# ## May we leap?
#
# `tau_leap` fires many reactions at once. Rare events are where approximations fail first, so we ask what it costs
# here: means and variances against an exact method, with intervals that hold together.

# %%
certificate = gnn.certify(
    switch, "tau_leap", t_end=50.0, n_points=2, replicates=CERTIFIED, seed=5, initial=in_v,
    tolerance_mean=0.1, tolerance_variance=0.2,
)  # fmt: skip
assert isinstance(certificate, gnn.Certificate)
print("tau_leap:", certificate.verdict)
for row in certificate.rows:
    low, high = row.mean_interval
    print(
        f"  {row.species} at {row.time:g}: mean {row.mean_error:+.1%} [{low:+.1%}, {high:+.1%}], "
        f"variance {row.variance_error:+.1%} [{row.variance_interval[0]:+.1%}, {row.variance_interval[1]:+.1%}]"
    )
print(f"running time of the exact method / of tau_leap: {certificate.speed_ratio:.1f}")

# %% [markdown]
# The verdict is about these means, variances and times, within these tolerances. Whether passage times are right, it
# does not say. The speed answers the question anyway: with so few molecules there is nothing to leap over, and
# `tau_leap` is no faster than the exact method.
#
# References: T. S. Gardner, C. R. Cantor, J. J. Collins, Nature 403 (2000) 339-342; E. L. Kaplan, P. Meier, J. Am.
# Stat. Assoc. 53 (1958) 457-481.

# %%
plt.show()  # opens the figures if this file is run as a script; Jupyter has shown them already
