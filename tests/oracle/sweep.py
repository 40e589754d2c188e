#!/usr/bin/env python3
"""From a configuration to its results in Python's own integers: slow, obvious, and nothing of gridrun's.

    sweep.py CONFIGURATION      prints lr, fraction, bits and what each network reports, a JSON object a line

Any network of docs/arithmetic.md: layers, formats, batches, initial weights, a held-out split, the grid's axes. network.py
trains one network; here are the configuration's reading, the data, the draws and the sums. Exit status: 0 done, 2 refused.
Needs NumPy, and SciPy where report.smooth_window is above 1.
"""
import gzip
import itertools
import json
import math
import struct
import sys
import tomllib
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
from network import Network, overflowed  # noqa: E402

TENSORS = ["input", "master", "weight", "accumulator", "activation", "error", "gradient"]
SCALES = {"digits": 16.0, "mnist": 255.0, "idx": 255.0, "csv": 1.0}
DEFAULTS = {
    "dataset": {"order": "by_label"},
    "network": {"activation": "relu", "leak": 6, "bias": False},
    "init": {"unit": "lsb", "mean": 0.0, "std": 500.0},
    "train": {"iterations": 10000, "seed": 0xDEADBEEC, "draw_order": "shuffle_then_weights", "batch": 1, "samples": "all"},
    "report": {"smooth_window": 1001, "polyorder": 2},
}
FORMAT = {"bits": 64, "round": "floor", "overflow": "wrap", "random_bits": 32}
LARGEST_FRACTION = 52
IDX_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


class Refused(Exception):
    """What the configuration asks for cannot be."""


# ------------------------------------------------------------------------------------------------ configuration

def read(path):
    """{table: {key: value}} with the defaults of what is not given."""
    given = tomllib.loads(Path(path).read_text())
    config = {table: {**keys, **given.get(table, {})} for table, keys in DEFAULTS.items()}
    config["precision"] = given.get("precision", {})
    config["grid"] = axes(given.get("grid", {}), config["precision"])
    config["dataset"].setdefault("scale", SCALES[config["dataset"]["name"]])
    config["network"].setdefault("output_activation", config["network"]["activation"])
    config["train"].setdefault("rounding_seed", config["train"]["seed"])
    if config["train"]["iterations"] % config["train"]["batch"] != 0:
        raise Refused("train.batch does not divide train.iterations")
    window = config["report"]["smooth_window"]
    if window % 2 == 0 or window > config["train"]["iterations"] or config["report"]["polyorder"] >= window:
        raise Refused("report.smooth_window")
    return config


def axes(grid, precision):
    """{axis: values}; fraction and bits only if they are axes."""
    def values(given, ends):
        if isinstance(given, dict):
            ends = {**ends, **given}
            return list(range(ends["from"], ends["to"] + 1))
        return given if isinstance(given, list) else [given]

    said = [precision] + [precision[tensor] for tensor in TENSORS if tensor in precision]
    fraction_named = any("fraction" in form or "integer" in form for form in said)
    all_axes = {"lr": values(grid.get("lr", {}), {"from": 5, "to": 19})}
    if "fraction" in grid or not fraction_named:
        all_axes["fraction"] = values(grid.get("fraction", {}), {"from": 8, "to": 23})
        if "fraction" in precision or "integer" in precision:
            raise Refused("grid.fraction is precision.fraction, which is given too")
    if "bits" in grid:
        all_axes["bits"] = values(grid["bits"], {"from": 4, "to": 16})
        if "bits" in precision:
            raise Refused("grid.bits is precision.bits, which is given too")
    return all_axes


def over(said, otherwise):
    """`said` of a format, and `otherwise` what it does not say. A fraction replaces an integer and the reverse."""
    if "fraction" in said and "integer" in said:
        raise Refused("fraction and integer")
    if "fraction" in said or "integer" in said:
        otherwise = {key: value for key, value in otherwise.items() if key not in ("fraction", "integer")}
    return {**otherwise, **said}


def formats_of(config, cell):
    """The format of each tensor in one cell, {"lr": , "fraction": , "bits": }."""
    precision = config["precision"]
    common = {key: value for key, value in precision.items() if key not in TENSORS}
    common = over({key: cell[key] for key in ("fraction", "bits") if key in cell}, over(common, FORMAT))
    said = {tensor: precision.get(tensor, {}) for tensor in TENSORS}
    forms = {tensor: over(said[tensor], common) for tensor in TENSORS}
    forms["input"]["round"] = "nearest_even"
    forms["accumulator"] = {**FORMAT, "fraction": 0, **said["accumulator"]}
    if not said["master"]:
        forms["master"] = dict(forms["weight"])
    elif not said["weight"]:
        forms["weight"] = dict(forms["master"])
    elif forms["weight"]["round"] == "stochastic" and forms["weight"] != forms["master"]:
        raise Refused("precision.weight.round")
    for tensor, form in forms.items():
        if "integer" in form:
            form["fraction"] = form["bits"] - form.pop("integer")
        if "fraction" not in form:
            raise Refused(f"precision.{tensor}.fraction is missing")
        if not 0 <= form["fraction"] <= LARGEST_FRACTION:
            raise Refused(f"precision.{tensor}.fraction")
    check_shifts(config, forms, cell["lr"])
    return forms


def check_shifts(config, forms, lr):
    """No right shift is above 63."""
    fraction = {tensor: form["fraction"] for tensor, form in forms.items()}
    kinds = activations(config)
    shifts = [fraction["master"] - fraction["weight"], fraction["gradient"] + lr - fraction["master"]]
    for layer, kind in enumerate(kinds):
        below = fraction["activation" if layer else "input"]
        leak = config["network"]["leak"] if kind == "leaky_relu" else 0
        error = fraction["activation"] if layer == len(kinds) - 1 else fraction["weight"] + fraction["error"]
        shifts += [fraction["weight"] + below + leak - fraction["activation"], error + leak - fraction["error"],
                   fraction["error"] + below - fraction["gradient"]]
    if max(shifts) > 63:
        raise Refused("a right shift above 63")


def activations(config):
    layers = len(config["network"]["layers"]) - 1
    return [config["network"]["activation"]] * (layers - 1) + [config["network"]["output_activation"]]


# ------------------------------------------------------------------------------------------------ data

def idx(path):
    """The array of an IDX file, plain or gzip."""
    data = Path(path).read_bytes() if Path(path).exists() else gzip.decompress(Path(f"{path}.gz").read_bytes())
    dimensions = struct.unpack(f">{data[3]}I", data[4:4 + 4 * data[3]])
    return np.frombuffer(data, IDX_TYPES[data[2]], offset=4 + 4 * data[3]).reshape(dimensions)


def stored_samples(dataset):
    """The train and the test split as stored, lists of (stored values, label); the second is empty where there is none."""
    path = Path(dataset["path"])
    if dataset["name"] in ("csv", "digits"):
        rows = [line.split(",") for line in path.read_text().splitlines()]
        if any(character.isalpha() for character in "".join(rows[0]).replace("e", "")):
            del rows[0]  # a header
        return [([float(value) for value in row[:-1]], int(row[-1])) for row in rows], []
    splits = []
    for split in ("train", "t10k"):
        names = [path / f"{split}-{part}" for part in ("images-idx3-ubyte", "labels-idx1-ubyte")]
        if split == "train" or any(Path(f"{names[0]}{end}").exists() for end in ("", ".gz")):
            inputs, labels = (idx(name) for name in names)
            splits.append([(image.ravel().tolist(), int(label)) for image, label in zip(inputs, labels)])
        else:
            splits.append([])
    return splits


def split_samples(config, random):
    """The samples to train on before any shuffle, and those held out: lists of (reals, label)."""
    dataset = config["dataset"]
    train, test = stored_samples(dataset)
    if "test" in dataset:
        if test:
            raise Refused("dataset.test: the data have a test split")
        if config["train"]["samples"] == "all":
            raise Refused("dataset.test without train.samples = train")
        order = random.permutation(len(train))
        count = int(np.rint(dataset["test"] * len(train)))
        if count in (0, len(train)):
            raise Refused("dataset.test leaves a split without samples")
        held = set(order[:count].tolist())
        test = [sample for i, sample in enumerate(train) if i in held]
        train = [sample for i, sample in enumerate(train) if i not in held]
    layers = config["network"].setdefault(
        "layers", [len(train[0][0]), 1 + max(label for _, label in train + test)])
    if layers[0] != len(train[0][0]) or any(label >= layers[-1] for _, label in train + test):
        raise Refused("network.layers do not fit the data")
    train, test = ([([value / dataset["scale"] for value in values], label) for values, label in split]
                   for split in (train, test))
    if dataset["order"] == "by_label":
        train, test = (sorted(split, key=lambda sample: sample[1]) for split in (train, test))  # stable
    if config["train"]["samples"] == "all":
        return train + test, []
    if not test:
        raise Refused("train.samples: there is no test split")
    return train, test


# ------------------------------------------------------------------------------------------------ a sweep

def drawn_samples_and_normals(config):
    """Training order, held-out samples, and a normal for each weight [layer][unit][input]: the same for every cell."""
    random = np.random.RandomState(config["train"]["seed"])
    train, test = split_samples(config, random)
    layers, order = config["network"]["layers"], config["train"]["draw_order"]

    def shuffled():
        return [train[i] for i in random.permutation(len(train))]

    if order == "shuffle_then_weights":
        train = shuffled()
    normals = [[[random.standard_normal() for _ in range(inputs)] for _ in range(units)]
               for inputs, units in zip(layers, layers[1:])]
    if order == "weights_then_shuffle":
        train = shuffled()
    return train, test, normals


def whole(real):
    """rint of a real, which 64 bits must hold."""
    if abs(real) >= 2.0 ** 63:
        raise Refused(f"{real} does not fit 64 bits")
    return int(np.rint(real))


def initial_weights(config, normals, master):
    init, layers = config["init"], []
    for layer in normals:
        inputs, units = len(layer[0]), len(layer)
        std = {"he": math.sqrt(2 / inputs), "xavier": math.sqrt(2 / (inputs + units))}.get(init["std"], init["std"])
        unit = 2.0 ** master["fraction"] if init["unit"] == "real" else 1.0
        layers.append([[overflowed(whole((init["mean"] + std * normal) * unit), master["bits"], master["overflow"])
                        for normal in row] for row in layer])
    return layers


def accuracy(right, report):
    if report["smooth_window"] == 1:
        return float(right[-1])
    from scipy.signal import savgol_filter
    return savgol_filter(np.array(right, float), report["smooth_window"], report["polyorder"], mode="mirror")[-1]


def run(path):
    """Yields the report of each cell, lr first and bits last and fastest: the values of its axes; right, a bit a step;
    accuracy; mean_update; mean_error; test_accuracy, None if nothing is held out; weights [layer][unit][input], bias last;
    moved, whether any update was not 0."""
    config = read(path)
    cells = [dict(zip(config["grid"], values)) for values in itertools.product(*config["grid"].values())]
    train, test, normals = drawn_samples_and_normals(config)
    all_forms = [formats_of(config, cell) for cell in cells]
    all_weights = [initial_weights(config, normals, forms["master"]) for forms in all_forms]
    for forms in all_forms:
        for reals, _ in train + test:
            whole(max(map(abs, reals)) * 2.0 ** forms["input"]["fraction"])
    network, batch, iterations = config["network"], config["train"]["batch"], config["train"]["iterations"]
    for cell, forms, weights in zip(cells, all_forms, all_weights):
        trained = Network(network["layers"], forms, weights, cell["lr"], network["activation"], network["output_activation"],
                          network["leak"], network["bias"], config["train"]["rounding_seed"])
        right = []
        for first in range(0, iterations, batch):
            right += trained.train([train[step % len(train)] for step in range(first, first + batch)])
        visits = iterations // batch * sum(len(unit) for layer in trained.w for unit in layer)
        held = [trained.label_of(reals) == label for reals, label in test]
        yield {**cell, "right": right, "accuracy": accuracy(right, config["report"]),
               "mean_update": sum(trained.sum_update) / visits,
               "mean_error": sum(trained.sum_dropped) / visits * 2.0 ** forms["gradient"]["fraction"],
               "test_accuracy": sum(held) / len(held) if held else None, "weights": trained.w,
               "moved": any(trained.sum_update)}


def main():
    try:
        for cell in run(sys.argv[1]):
            print(json.dumps(cell))
    except Refused as refusal:
        print(f"refused: {refusal}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
