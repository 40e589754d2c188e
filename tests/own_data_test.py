#!/usr/bin/env python3
"""Trains on data that NumPy wrote, as gridrun normalises and reads them and as NumPy does: own_data_test.py GRIDRUN

dataset.normalise is compared with docs/arithmetic.md, 6.6, in NumPy, of a split that the data have and of drawn ones; NPZ with CSV,
and every layout of a CSV file with the plain one. grid.csv must have the same bytes. Exit status: 0 equal, 1 not.
"""
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

SAMPLES, TRAINED_ON, INPUTS = 120, 80, 5
LABELS = np.array(["low", "mid", "top"])
CONFIGURATION = """
[dataset]
name = "npz"
path = "raw.npz"
[network]
layers = [5, 4, 3]
bias = true
[precision]
integer = 5
round = "stochastic"
overflow = "saturate"
[init]
unit = "real"
std = "he"
[train]
iterations = 400
samples = "train"
[report]
smooth_window = 101
[grid]
bits = [10, 16]
lr = [3, 5]
"""


def grid(gridrun, folder, *settings):
    arguments = [part for setting in settings for part in ("--set", setting)]
    subprocess.run([gridrun, "--config", "c.toml", "--quiet", "--device", "cpu", "--output", "out", "--force", *arguments],
                   cwd=folder, check=True)
    return (folder / "out/grid.csv").read_text()


def minmax(x, fit):
    least, most = fit.min(0), fit.max(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(least == most, 0, (x - least) / (most - least))


def standard(x, fit):
    mean = np.cumsum(fit, 0)[-1] / len(fit)
    deviation = np.sqrt(np.cumsum((fit - mean) ** 2, 0)[-1] / len(fit))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(fit.min(0) == fit.max(0), 0, (x - mean) / deviation)


def write_npz(path, x, y):
    np.savez(path, x=x[:TRAINED_ON], y=y[:TRAINED_ON], x_test=x[TRAINED_ON:], y_test=y[TRAINED_ON:])


def write_csv(path, x, labels, delimiter=",", header=""):
    rows = [delimiter.join([*map(repr, row), str(label)]) for row, label in zip(x.tolist(), labels)]
    path.write_text(header + "\n".join(rows) + "\n")


def wrong(gridrun, folder):
    """What differs, line by line."""
    random = np.random.RandomState(3)
    x = random.randn(SAMPLES, INPUTS) * [1, 10, 0.1, 5, 0] + [0, 5, 1, -7, 3]
    y = (x[:, 0] > 0) * 1 + (x[:, 1] > 5) * 1
    (folder / "c.toml").write_text(CONFIGURATION)

    def differs(what, *of_two):
        if of_two[0] != of_two[1]:
            yield f"{what}: {of_two[0]!r} and {of_two[1]!r}"

    for normalise in (minmax, standard):
        key = f"dataset.normalise={normalise.__name__}"
        write_npz(folder / "raw.npz", x, y)
        write_npz(folder / "normalised.npz", normalise(x, x[:TRAINED_ON]), y)
        yield from differs(key, grid(gridrun, folder, key), grid(gridrun, folder, "dataset.path=normalised.npz"))
        write_csv(folder / "raw.csv", x, y)
        for seed in (1, 2):
            held_out = np.random.RandomState(seed).permutation(SAMPLES)[:SAMPLES // 4]
            fit = np.delete(x, held_out, 0)
            write_csv(folder / "normalised.csv", normalise(x, fit), y)
            drawn = ["dataset.name=csv", "dataset.test=0.25", f"train.seed={seed}"]
            yield from differs(f"{key}, drawn by {seed}", grid(gridrun, folder, *drawn, "dataset.path=raw.csv", key),
                               grid(gridrun, folder, *drawn, "dataset.path=normalised.csv"))

    write_csv(folder / "plain.csv", x, y)
    drawn = ["dataset.test=0.25", "train.seed=1"]
    plain = grid(gridrun, folder, "dataset.name=csv", "dataset.path=plain.csv", *drawn)
    write_csv(folder / "texts.csv", x, LABELS[y], ";", "a;b;c;d;e;f\n")
    yield from differs("texts.csv", plain, grid(gridrun, folder, "dataset.name=csv", "dataset.path=texts.csv", *drawn))
    write_csv(folder / "numbers.csv", x, 2.5 * y - 1, "\t", "0\t1\t2\t3\t4\t5\n")
    yield from differs("numbers.csv", plain, grid(gridrun, folder, "dataset.name=csv", "dataset.path=numbers.csv", *drawn))
    np.savetxt(folder / "spaces.csv", np.hstack([y[:, None] + 1, x]), "%25.17g")
    yield from differs("spaces.csv", plain, grid(gridrun, folder, "dataset.name=csv", "dataset.path=spaces.csv",
                                                 "dataset.label=1", *drawn))
    for name, save, arrays in [("stored", np.savez, {"x": x, "y": y}),
                               ("deflated", np.savez_compressed, {"X": np.asfortranarray(x), "y": LABELS[y]}),
                               ("large_end", np.savez, {"x_train": x.astype(">f8"), "y_train": np.array(y - 5, ">i2")}),
                               ("rank", np.savez, {"x": x[:, :, None, None], "y": y[:, None].astype(float)})]:
        save(folder / f"{name}.npz", **arrays)
        yield from differs(f"{name}.npz", plain, grid(gridrun, folder, f"dataset.path={name}.npz", *drawn))


with tempfile.TemporaryDirectory() as directory:
    found = list(wrong(sys.argv[1], Path(directory)))
print("\n".join(found) or "equal")
sys.exit(1 if found else 0)
