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
# # Your own data
#
# A table from the laboratory, with names of classes and columns in all kinds of units. We train a network of chemical
# reactions on it, look inside, make it noisy, compare activations, and export it for other programs.

# %% tags=["parameters"]
PRESENTATIONS = 1000
SPLITS = 8
FRAMES = 40

# %%
import csv
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import binomtest, t
from sklearn.datasets import load_wine

import gillespie_nn as gnn

plt.style.use("seaborn-v0_8-colorblind")
folder = Path(tempfile.mkdtemp())
wine = load_wine()
cultivars = ("Barolo", "Grignolino", "Barbera")
with open(folder / "wine.csv", "w", newline="") as file:
    table = csv.writer(file)
    table.writerow([*wine.feature_names, "cultivar"])
    table.writerows([*x, cultivars[k]] for x, k in zip(wine.data, wine.target))
for line in (folder / "wine.csv").read_text().splitlines()[:2]:
    print(line)

# %% [markdown]
# The file stands for yours: 178 wines, 13 chemical measurements of each, and the grape that it is made of.
#
# ## Concentrations
#
# Inputs become concentrations of molecules, so they should be about 1. Here the amino acid proline is about 1,000 mg/L.
# The package says so at once, before anything is simulated:

# %%
try:
    gnn.train(gnn.Dataset.from_csv(folder / "wine.csv", "cultivar"), hidden=(6,))
except gnn.InputError as error:
    print("InputError:", error)

# %% [markdown]
# `scale="unit"` maps every feature to 0 to 1, in the file. The scale stays with the fit: everything later takes and
# gives the units of the file. (It comes from all wines, also those of the test, whose classes it does not use.) A
# quarter of each class is held out as the test set.

# %%
data = gnn.Dataset.from_csv(folder / "wine.csv", "cultivar", scale="unit", seed=1)
print(data.notice, f"- {len(data.train_x)} wines to learn, {len(data.test_x)} for the test")
fit = gnn.train(data, hidden=(6,), seed=1, presentations=PRESENTATIONS, output=folder / "wine.h5")
assert isinstance(fit, gnn.Fit)


def interval(right):
    """Fraction that is right, with its 95 % interval (Wilson)."""
    low, high = binomtest(int(np.sum(right)), len(right)).proportion_ci(method="wilson")
    return f"{np.mean(right):.3f} [{low:.3f}, {high:.3f}]"


truth = data.test_t.argmax(axis=1)
print(f"{fit.n_events:.2g} reactions; accuracy {interval(fit.outputs.argmax(axis=1) == truth)}")
ax = fit.plot()

# %% [markdown]
# On the command line the same is
#
# ```
# gillespie-nn train wine.csv --target cultivar --scale unit --hidden 6 --output wine.h5
# ```
#
# The interval is wide: there are few wines in the test set. What comes below cannot show differences of a few per cent.
#
# ## Look inside
#
# `trajectories` shows every quantity while samples are presented: the output of one class beside its target, and the
# signals of one hidden neuron with its weight.

# %%
inside = fit.trajectories(4, weights="initial")
assert isinstance(inside, gnn.LearningTrajectories)
print(inside)
axes = inside.plot(output=data.classes.index("Barolo"))

# %% [markdown]
# Each dotted line is a new wine. For some seconds the output and the errors are on their way, and the weight learns
# from them all the same. A film of the whole training:

# %%
fit.film(folder / "learning.gif", frames=FRAMES)
print(f"learning.gif: {(folder / 'learning.gif').stat().st_size / 1e3:.0f} kB")

# %% [markdown]
# ## Ask it
#
# `classify` gives names, `predict` the outputs, both by simulating the trained network molecule by molecule, and both
# in the units of the file.

# %%
some = [0, 70, 150]
for answer, outputs, k in zip(fit.classify(wine.data[some]), fit.predict(wine.data[some]), some):
    values = ", ".join(f"{name} {y:+.2f}" for name, y in zip(data.classes, outputs))
    print(f"a {cultivars[wine.target[k]]}: read as {answer} ({values})")

# %% [markdown]
# ## Make it noisy
#
# Molecules are noisy by themselves, as the volume Omega sets it. From outside come rate constants that vary, forcing in
# proportion to concentrations, and forcing added to them. Which of these does the trained network bear?

# %%
raw = data.feature_scale.undo(data.test_x)
noises = {
    "rates": lambda eps: gnn.RateNoise(eps, "bounded", step=1.0),
    "in proportion": lambda eps: gnn.ConcentrationNoise(eps, "bounded", step=1.0),
    "added": lambda eps: gnn.AdditiveNoise(eps, "bounded", step=1.0),
}
sizes = (0.05, 0.1, 0.2, 0.4)
clean = fit.predict(raw, seed=2)
figure, ax = plt.subplots(figsize=(6.5, 3.8), layout="constrained")
print(f"{'none':13}             accuracy {interval(clean.argmax(axis=1) == truth)}")
floor = np.sqrt(np.mean((fit.predict(raw, seed=3) - clean) ** 2))
ax.axhline(floor, color="black", lw=0.8, ls="-.", label="counts alone: another seed")
for (name, noise), line in zip(noises.items(), ("o-", "s--", "^:")):
    moved = []
    for eps in sizes:
        outputs = fit.predict(raw, noise=noise(eps), seed=2)
        moved.append(np.sqrt(np.mean((outputs - clean) ** 2)))
        print(f"{name:13} eps = {eps:4}: accuracy {interval(outputs.argmax(axis=1) == truth)}")
    ax.plot(sizes, moved, line, label=name)
ax.set(xlabel="eps", ylabel="rms change of the outputs [concentration]", ylim=(0, None))
_ = ax.legend()

# %% [markdown]
# Outputs move, and few answers change: with 45 wines, an accuracy of 0.956 is no proof of a loss. Even without noise
# from outside, two predictions differ by the noise of counts (dash-dotted line). Rates that vary move outputs most
# here: an output is a small difference of large rates. But eps means another thing for each kind, so the kinds are not
# to be compared at the same eps.
#
# ## Compare activations
#
# One split says little, so we take several, the same for each activation, and train with the rate equations in fixed
# steps (`implicit_euler`), which is fast. Differences are paired.

# %%
splits = [gnn.Dataset.from_csv(folder / "wine.csv", "cultivar", scale="unit", seed=100 + k) for k in range(SPLITS)]
options = {"hidden": (6,), "method": "implicit_euler", "presentations": PRESENTATIONS}
score = {
    activation: np.array([
        gnn.train(split, seed=k, activation=activation, **options).scores["rmse"] for k, split in enumerate(splits)
    ])
    for activation in ("smooth_relu", "annihilation_relu", "leaky_relu")
}  # fmt: skip
print(f"smooth_relu        RMSE {score['smooth_relu'].mean():.3f} over {SPLITS} splits")
for activation in ("annihilation_relu", "leaky_relu"):
    rmse = score[activation]
    difference = rmse - score["smooth_relu"]
    half = t.ppf(0.975, SPLITS - 1) * difference.std(ddof=1) / SPLITS**0.5
    print(
        f"{activation:18} RMSE {rmse.mean():.3f}, minus that of smooth_relu {difference.mean():+.3f} "
        f"[{difference.mean() - half:+.3f}, {difference.mean() + half:+.3f}]"
    )

# %% [markdown]
# On these data there is nothing to choose: all intervals contain 0. Where activations do differ, on small networks and
# near the kink, is shown in [smooth_and_real_relu.py](smooth_and_real_relu.py).
#
# ## Take it elsewhere
#
# The run file has the weights, the scale and everything that led to them; `load_fit` reads it. `to_sbml` writes the
# trained network with one wine presented, for any program that reads SBML. We read it back, and integrate its rate
# equations:

# %%
again = gnn.load_fit(folder / "wine.h5")
print("the same answers from the file:", np.array_equal(again.predict(raw, seed=2), clean))
fit.to_sbml(raw[0], folder / "one_wine.xml")
elsewhere = gnn.ReactionNetwork.from_sbml(folder / "one_wine.xml")
run = gnn.simulate(elsewhere, t_end=40.0, n_points=2, method="ode")
print(len(elsewhere.reactions), "reactions in the file")
floats = fit.predict(raw[:1], exact_forward=True)[0]
for k, name in enumerate(data.classes):
    print(f"{name:12} from the file {run[f'Y2_{k}'][0, -1]:+.4f}, predict in floating point {floats[k]:+.4f}")

# %% [markdown]
# Reference: S. Aeberhard, M. Forina, Wine, UCI Machine Learning Repository (1991), doi:10.24432/C5PC7J, by
# `sklearn.datasets`.

# %%
plt.show()  # opens the figures if this file is run as a script; Jupyter has shown them already
