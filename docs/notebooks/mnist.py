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
# # MNIST in a pot
#
# Handwritten digits of 28 x 28 pixels, learnt by a network of chemical reactions: 128 images at once share one set of
# weights, each weight a number of molecules. We train the short run of the package, look at the weights, and count the
# errors.

# %% tags=["parameters"]
CASE = "mnist"
VOLUMES = (10_000, 300)
READ = 2000  # test images that are also read by molecules
SETTINGS = {"mnist": {"quick": True}, "digits": {"batch": 32, "hidden": (32,), "presentations": 600}}

# %%
import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import binomtest

import gillespie_nn as gnn
from gillespie_nn.datasets import case

plt.style.use("seaborn-v0_8-colorblind")
try:
    data = case(CASE).load(0)
except gnn.GillespieError as error:
    print(error)
    print(
        "Until then this notebook goes on with smaller digits, which come with scikit-learn; its text is about MNIST."
    )
    CASE = "digits"
    data = case(CASE).load(0)
assert isinstance(data, gnn.Dataset)
print(f"{len(data.train_x)} images for training, {len(data.test_x)} for the test, {data.train_x.shape[1]} pixels each")

side = round(data.train_x.shape[1] ** 0.5)
figure, axes = plt.subplots(1, 10, figsize=(10, 1.3), layout="constrained")
for ax, x, target in zip(axes, data.test_x, data.test_t):
    ax.imshow(x.reshape(side, side), cmap="Greys")
    ax.set(xticks=[], yticks=[], xlabel=str(target.argmax()))

# %% [markdown]
# Below each image is its class. A pixel is the concentration of an input species, from 0 (white) to 1 (black).
#
# ## Train
#
# `quick` is 784-128-10 and three passes over the images: half a minute on a quiet core, after compilation. The default,
# 784-256-10 and eight passes, takes some two minutes. There are far too many reactions to list, so the method is
# `batch_leap`: it follows the neurons of all images in time, by leaps of a second or two, and draws changes of weights
# with the mean and variance of the molecules' reactions. It is an approximation. [results.md](../results.md#mnist)
# compares it with exact simulation.

# %%
fits = {}
for volume in VOLUMES:
    fits[volume] = gnn.train(CASE, seed=0, volume=volume, method="batch_leap", **SETTINGS[CASE])
    right = round(fits[volume].accuracy * len(data.test_x))
    low, high = binomtest(right, len(data.test_x)).proportion_ci(method="wilson")
    scored = f"accuracy {fits[volume].accuracy:.4f} [{low:.4f}, {high:.4f}]"
    print(f"Omega = {volume:6}: {scored}, trained in {fits[volume].seconds:.0f} s")
fit = fits[VOLUMES[0]]
ax = fit.plot()

# %% [markdown]
# The interval is over test images, for one seed. At the step of this chemistry, gradient descent in floating point
# diverges (dotted line): reactions follow a flow, which bears a larger step. With a smaller step it reaches a similar
# accuracy. At Omega = 300 the number 1 is 300 molecules; some accuracy is lost to the noise of so few.
#
# ## Weights as images
#
# Each image shows the weights from all pixels to one hidden neuron, as the molecules hold them at the end.

# %%
weights, _ = fit.spec.floating.matrices(fit.weights)[0]
largest = np.quantile(np.abs(weights), 0.995)
figure, axes = plt.subplots(3, 8, figsize=(9, 3.6), layout="constrained")
for ax, row in zip(axes.flat, weights):
    drawn = ax.imshow(row.reshape(side, side), cmap="RdBu_r", vmin=-largest, vmax=largest)
    ax.set(xticks=[], yticks=[])
_ = figure.colorbar(drawn, ax=axes, label="weight [concentration]")
molecules = fit.last_weights * VOLUMES[0]
print("molecules of the first four weights, plus less minus rail:", np.round(molecules[:4]).astype(int).tolist())

# %% [markdown]
# Red is excitation, blue inhibition. Neurons look for strokes. At the rim, where pixels are always white, weights stay
# as they were drawn at the start.
#
# ## Read by molecules
#
# The accuracy above is that of the weights in a floating-point forward pass. `predict` simulates the forward network:
# does the noise of the outputs' molecules matter?

# %%
truth = data.test_t[:READ].argmax(axis=1)
for volume, trained in fits.items():
    outputs = trained.predict(data.test_x[:READ], seed=1)
    floats = trained.predict(data.test_x[:READ], exact_forward=True)
    by_molecules, by_floats = outputs.argmax(axis=1) == truth, floats.argmax(axis=1) == truth
    low, high = binomtest(int(by_molecules.sum()), len(truth)).proportion_ci(method="wilson")
    only = int((by_molecules & ~by_floats).sum()), int((~by_molecules & by_floats).sum())
    print(
        f"Omega = {volume:6}: accuracy by molecules {by_molecules.mean():.4f} [{low:.4f}, {high:.4f}], in floating "
        f"point {by_floats.mean():.4f}; right by molecules only {only[0]}, in floating point only {only[1]}; "
        f"rms difference of outputs {np.sqrt(np.mean((outputs - floats) ** 2)):.3f}"
    )

# %% [markdown]
# It hardly does: averaged over the second half of a presentation, the outputs are nearly those of floating point, and
# few answers change. Few molecules cost accuracy while the network learns, not while it is read.
#
# ## What is confused with what

# %%
outputs, truth = fit.outputs, data.test_t.argmax(axis=1)
answer = outputs.argmax(axis=1)
confusion = np.zeros((10, 10), dtype=int)
np.add.at(confusion, (truth, answer), 1)
errors = confusion - np.diag(np.diag(confusion))
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
drawn = left.imshow(errors, cmap="cividis")
for (i, j), n in np.ndenumerate(confusion):
    left.text(
        j, i, n, ha="center", va="center", fontsize=7, color="white" if errors[i, j] < errors.max() / 2 else "black"
    )
left.set(xticks=range(10), yticks=range(10), xlabel="answer", ylabel="class", title="images; colour: errors alone")
figure.colorbar(drawn, ax=left, label="errors")
n, k = confusion.sum(axis=1), np.diag(confusion)
ends = np.array([binomtest(int(a), int(b)).proportion_ci(method="wilson") for a, b in zip(k, n)])
right.errorbar(range(10), k / n, [k / n - ends[:, 0], ends[:, 1] - k / n], fmt="o", capsize=3)
right.set(xticks=range(10), xlabel="class", ylabel="accuracy, 95 % interval", title="accuracy of each class")
most = np.unravel_index(errors.argmax(), errors.shape)
print(f"most often: a {most[0]} is read as a {most[1]}, {errors.max()} of {n[most[0]]} times")

# %% [markdown]
# And the images on which the network is most sure and wrong:

# %%
margin = outputs.max(axis=1) - outputs[np.arange(len(truth)), truth]
figure, axes = plt.subplots(1, 8, figsize=(10, 1.6), layout="constrained")
for ax, i in zip(axes, np.argsort(-margin)):
    ax.imshow(data.test_x[i].reshape(side, side), cmap="Greys")
    ax.set(xticks=[], yticks=[], xlabel=f"{truth[i]}, read as {answer[i]}")

# %% [markdown]
# The accuracy over several seeds, with shifted images, and what each approximation costs, are in
# [results.md](../results.md#mnist).
#
# References: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Proc. IEEE 86 (1998) 2278-2324, for the images; S. Kang, J.
# Kim, arXiv:2410.11919, for the idea of the network. Batches, leaps and all reactions of training are ours.

# %%
plt.show()  # opens the figures if this file is run as a script; Jupyter has shown them already
