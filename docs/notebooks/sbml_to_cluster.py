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
# # From SBML to a cluster
#
# A model comes as a file, and the question takes more simulations than one wants to wait for. Here is the whole way:
# read the model, look at it, sweep over a table on the workers of a cluster, survive a kill, and draw the result. The
# cluster is two workers on this machine; with another address it is any other. The extras `sbml`, `distributed` and
# `plot` are needed.

# %% tags=["parameters"]
REPLICATES = 500
T_END = 600.0
LONG = 20_000  # replicates of the run that is killed

# %%
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from distributed import LocalCluster

import gillespie_nn as gnn

plt.style.use("seaborn-v0_8-colorblind")
folder = Path(tempfile.mkdtemp())
print("gillespie-nn", gnn.__version__)

# %% [markdown]
# ## The model
#
# A futile cycle: one enzyme modifies a protein W, another restores it. Goldbeter and Koshland (1981) showed that such a
# cycle answers like a switch if the enzymes are saturated. In Antimony:

# %%
ANTIMONY = """
model futile_cycle()
  unit substance = item;
  unit extent = item;
  a = 0.25; d = 1; k = 2;
  substanceOnly species W = 120, Wm = 0, E1 = 8, E2 = 8, WE1 = 0, WmE2 = 0;
  bind_E1: W + E1 => WE1; a * W * E1;
  leave_E1: WE1 => W + E1; d * WE1;
  modify: WE1 => Wm + E1; k * WE1;
  bind_E2: Wm + E2 => WmE2; a * Wm * E2;
  leave_E2: WmE2 => Wm + E2; d * WmE2;
  restore: WmE2 => W + E2; k * WmE2;
end
"""
try:
    cycle = gnn.ReactionNetwork.from_antimony(ANTIMONY)
except gnn.MissingExtraError as error:
    raise SystemExit(str(error)) from None  # the message says what to install
cycle.to_sbml(folder / "futile_cycle.xml")
model = gnn.ReactionNetwork.from_file(folder / "futile_cycle.xml")  # as if it came from a database
print("the same through SBML:", model == cycle)
print(model.describe())

# %% [markdown]
# Check the propensities: they are what is simulated. A kinetic law in SBML is the propensity itself, in molecules per
# second, so `item` as the unit of substance matters. With moles the reader would convert amounts and laws, and say so.

# %%
run = gnn.simulate(model, t_end=60.0, replicates=200, seed=1)
ode = gnn.simulate(model, t_end=60.0, method="ode")
ax = run.plot(names=["Wm"])
ode.plot(ax, ["Wm"])
_ = ax.set(xlabel="time [s]", ylabel="modified protein [molecules]")

# %% [markdown]
# ## A sweep on a cluster
#
# How much of the protein is modified, against the number of molecules of the first enzyme, for little and for much
# protein? Each row of the table is an ensemble. `record="quantiles"` stores moments and quantiles only, so files stay
# small whatever the number of replicates. A first try with two rows, on this machine:

# %%
options = {
    "time": [T_END / 2, T_END], "replicates": REPLICATES, "seed": 2, "record": "quantiles", "output": folder / "sweep",
}  # fmt: skip
grid = {"W": [30, 120], "E1": [2, 4, 6, 7, 8, 9, 10, 12, 16]}
gnn.sweep(model, grid={"W": [30], "E1": [2, 4]}, **options)
print(len(list((folder / "sweep").glob("*.h5"))), "files")

# %% [markdown]
# Then the whole table, on the workers. Rows that have their files are not simulated again.

# %%
with LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None) as cluster:
    began = time.perf_counter()
    swept = gnn.sweep(model, grid=grid, scheduler=cluster.scheduler_address, **options)
    print(f"{len(swept)} rows, {time.perf_counter() - began:.0f} s, complete: {swept.complete}")

# %% [markdown]
# Replicate k of a seed is the same trajectory on any machine. One row, simulated here again, has the same moments to
# the last bit:

# %%
row = 12
here = gnn.sweep(model, grid=grid, **{**options, "output": None})[row]
assert isinstance(here, gnn.MomentsResult)  # the same as `gnn.MomentsRun`, in memory
print(swept.table.row(row), np.array_equal(here.mean(), swept[row].mean()))

# %% [markdown]
# ## A figure, from the files
#
# Later, or on another machine, `open_sweep` opens the folder.

# %%
again = gnn.open_sweep(folder / "sweep")
rows = [again.table.row(k) for k in range(len(again))]
mean, std = again.mean("Wm")[:, -1], again.std("Wm")[:, -1]
low, high = again.quantile([0.05, 0.95], "Wm")[:, :, -1].T  # the first axis of a sweep is the row
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for k, (total, marker, line) in enumerate(((30, "o", "-"), (120, "s", "--"))):
    chosen = [i for i, r in enumerate(rows) if r["W"] == total]
    e1 = np.array([rows[i]["E1"] for i in chosen])
    fine = np.arange(2, 17)
    rate = [
        gnn.simulate(model, time=[T_END], method="ode", initial={"W": total, "E1": int(e)})["Wm"][0, -1] for e in fine
    ]
    left.plot(fine, np.array(rate) / total, line, color=f"C{k}", label=f"rate equations, {total} proteins")
    reach = np.array([mean[chosen] - low[chosen], high[chosen] - mean[chosen]]) / total
    left.errorbar(e1, mean[chosen] / total, reach, fmt=marker, color=f"C{k}", capsize=3, label="mean, 90 % of cells")
    right.plot(e1, std[chosen] / total, marker + line, color=f"C{k}", label=f"{total} proteins")
left.set(xlabel="molecules of enzyme 1 (8 of enzyme 2)", ylabel="fraction free and modified")
right.set(xlabel="molecules of enzyme 1 (8 of enzyme 2)", ylabel="standard deviation of that fraction")
left.legend(fontsize="small")
right.legend()
for i in (4, 13):
    a, b = again[i].interval("Wm")[:, -1]
    print(f"{rows[i]}: mean {mean[i]:.2f} [{a:.2f}, {b:.2f}], std {std[i]:.1f}")

# %% [markdown]
# With much protein the enzymes are saturated and the answer is steep. With little it is gradual, and what is bound to
# the enzymes is a large part of it. The rate equations give the means well here. They do not give the right figure:
# where both enzymes balance, a cell with 120 proteins answers least reliably.
#
# ## A run that is killed
#
# The time in a queue ends, a machine restarts. We start a long run by the command line, kill it, and go on.

# %%
arguments = f"simulate futile_cycle.xml --t-end 60 --n-points 7 --replicates {LONG} --seed 3 --output long.h5"
command = [sys.executable, "-m", "gillespie_nn", *arguments.split()]
process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
committed = 0
while process.poll() is None and committed < LONG // 20:
    time.sleep(0.2)
    if (folder / "long.h5").exists():
        try:
            with gnn.open_run(folder / "long.h5") as run:
                committed = int(run.committed.sum())
        except gnn.GillespieError:
            pass  # the file is being created
process.kill()
process.wait()
with gnn.open_run(folder / "long.h5") as run:
    assert isinstance(run, gnn.Run)
    print(f"after the kill {run.committed.sum()} of {LONG} replicates are in the file; complete: {run.complete}")

# %%
with gnn.resume(folder / "long.h5") as run:
    counts = run["Wm"]
    print(f"after resume {run.committed.sum()} of {LONG}; complete: {run.complete}")
whole = gnn.simulate(model, t_end=60.0, n_points=7, replicates=LONG, seed=3)
assert isinstance(whole, gnn.Result)
print("the same as without a kill, bit for bit:", np.array_equal(counts, whole["Wm"]))

# %% [markdown]
# On a batch system the job is `gillespie-nn simulate ...` the first time and `gillespie-nn resume FILE` every time
# after that. More about machines: [cluster.md](../cluster.md), and about files: [files.md](../files.md).
#
# Reference: A. Goldbeter, D. E. Koshland, Proc. Natl. Acad. Sci. USA 78 (1981) 6840-6844. The numbers are ours.

# %%
plt.show()  # opens the figures if this file is run as a script; Jupyter has shown them already
