"""The MNIST study for the Python comparisons: its data, its draws and how its figures are compared.

Shares nothing with gridrun: NumPy's generator, SciPy's filter.
"""
import csv
import gzip
import statistics
import time
from pathlib import Path

import numpy as np

SEED = 0xDEADBEEC
ITERATIONS = 10_000
LR = range(5, 20)
FRACTION = range(8, 24)
CELLS = [(lr, fraction) for lr in LR for fraction in FRACTION]


def read_idx(directory, name):
    path = Path(directory) / name
    opened = gzip.open(path.with_name(name + ".gz")) if not path.exists() else path.open("rb")
    with opened as file:
        data = file.read()
    shape = np.frombuffer(data, ">u4", data[3], 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape)


def load(directory):
    """Inputs [iterations][784] in [0, 1], labels [iterations] and weights [10][784], as the study drew them."""
    images, labels = [], []
    for split in ("train", "t10k"):
        x = read_idx(directory, f"{split}-images-idx3-ubyte").reshape(-1, 784)
        y = read_idx(directory, f"{split}-labels-idx1-ubyte")
        order = np.argsort(y, kind="stable")
        images.append(x[order])
        labels.append(y[order])
    images, labels = np.concatenate(images), np.concatenate(labels)
    random = np.random.RandomState(SEED)
    order = random.permutation(len(labels))[:ITERATIONS]
    weights = np.rint(random.normal(0.0, 500.0, (10, 784))).astype(np.int64)
    return images[order] / 255.0, labels[order].astype(np.int64), weights


def fixed_point(inputs):
    """Inputs at every fraction, [fraction][iterations][784]."""
    return np.stack([np.rint(inputs * 2.0**fraction).astype(np.int64) for fraction in FRACTION])


def cells_off(right, updates, dropped, golden):
    """How many cells differ from the golden table by more than 1e-10 in accuracy or a relative 1e-12.

    right [cells][iterations], sums of |u| and of what the shift dropped [cells].
    """
    from scipy.signal import savgol_filter

    accuracy = savgol_filter(right.astype(float), 1001, 2, mode="mirror", axis=1)[:, -1]
    visits = ITERATIONS * 10 * 784
    off = 0
    with open(golden, newline="") as file:
        for i, row in enumerate(csv.DictReader(file)):
            update = int(updates[i]) / visits
            error = int(dropped[i]) / visits * 2.0 ** int(row["fraction"])
            off += not (
                (int(row["lr"]), int(row["fraction"])) == CELLS[i]
                and abs(accuracy[i] - float(row["accuracy"])) <= 1e-10
                and abs(update - float(row["mean_update"])) <= 1e-12 * abs(float(row["mean_update"]))
                and abs(error - float(row["mean_error"])) <= 1e-12 * abs(float(row["mean_error"])))
    return off


def report(name, run, golden, repeats=5):
    """Warms up with a checked run, then prints the median seconds of `repeats`; the exit status."""
    off = cells_off(*run(), golden)
    seconds = []
    for _ in range(repeats):
        begin = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - begin)
    print(f"{name}: {statistics.median(seconds):.6f} s, {off} cells off")
    return 1 if off else 0
