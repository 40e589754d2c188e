#!/usr/bin/env python3
"""From a configuration to its results in Python's own integers: slow, obvious, and nothing of gridrun's.

    sweep.py CONFIGURATION      prints the values of its axes and what each network reports, a JSON object a line

Any network of docs/arithmetic.md: layers, formats, batches, initial weights, a held-out split, the grid's axes. network.py
trains one network; here are the configuration's reading, the data, the draws and the sums. Exit status: 0 done, 2 refused.
Needs NumPy, and SciPy where report.smooth_window is above 1.
"""
import copy
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
    "report": {"smooth_window": 1001, "polyorder": 2, "curves": False, "weights": False},
}
FORMAT = {"bits": 64, "round": "floor", "overflow": "wrap", "random_bits": 32}
LARGEST_FRACTION = 52
NAMED_AXES = {"lr": (5, 19), "fraction": (8, 23), "bits": (4, 16)}  # the ends that a range has where it gives none
REALS = ["dataset.test", "init.mean", "init.std"]
IDX_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


class Refused(Exception):
    """What the configuration asks for cannot be."""


# ------------------------------------------------------------------------------------------------ configuration

def read(path):
    """The axes, {name: values} from the slowest to the fastest, and the configuration of each cell: {table: {key: value}}
    with the defaults of what is not given, and its lr."""
    given = tomllib.loads(Path(path).read_text())
    grid = axes(given)
    report = {**DEFAULTS["report"], **given.get("report", {})}
    if report["curves"] and "train.iterations" in grid or report["weights"] and {"network.layers", "network.bias"} & grid.keys():
        raise Refused("arrays of one shape for networks of many")
    return grid, [resolved(given, dict(zip(grid, values))) for values in itertools.product(*grid.values())]


def key_of_axis(axis):
    return f"precision.{axis}" if axis in ("fraction", "bits") else axis


def with_value(given, key, value):
    """A copy in which a key, "train.seed", has a value."""
    changed = copy.deepcopy(given)
    *tables, name = key.split(".")
    table = changed
    for part in tables:
        table = table.setdefault(part, {})
    table[name] = value
    return changed


def resolved(given, cell):
    """The configuration of one cell: that without axes in which each axis's key has its value."""
    for axis, value in cell.items():
        given = with_value(given, key_of_axis(axis), value)
    config = {table: {**keys, **given.get(table, {})} for table, keys in DEFAULTS.items()}
    config["precision"], config["lr"] = given.get("precision", {}), cell["lr"]
    config["dataset"].setdefault("scale", SCALES[config["dataset"]["name"]])
    config["network"].setdefault("output_activation", config["network"]["activation"])
    config["train"].setdefault("rounding_seed", config["train"]["seed"])
    if config["train"]["iterations"] % config["train"]["batch"] != 0:
        raise Refused("train.batch does not divide train.iterations")
    window = config["report"]["smooth_window"]
    if window % 2 == 0 or window > config["train"]["iterations"] or config["report"]["polyorder"] >= window:
        raise Refused("report.smooth_window")
    return config


def values_of(axis, given):
    """The values of an axis of which this is given."""
    if isinstance(given, dict) and axis in REALS:
        steps = math.floor((given["to"] - given["from"]) / given["step"] + 1e-9)
        values = [min(given["from"] + i * given["step"], given["to"]) for i in range(steps + 1)]
    elif isinstance(given, dict):
        first, last = NAMED_AXES.get(axis, (None, None))
        values = list(range(given.get("from", first), given.get("to", last) + 1, given.get("step", 1)))
    else:
        values = given if isinstance(given, list) else [given]
    if axis in REALS:
        values = [value if isinstance(value, str) else float(value) for value in values]
    if any(value in values[:i] for i, value in enumerate(values)) or axis in NAMED_AXES and values != sorted(values):
        raise Refused("a value twice")
    return values


def axes(given):
    """{axis: values} in the grid's order: as given, those of the study in front where they are not, and of lr, fraction and
    bits the one before the other in the places that they have together."""
    said = {axis: values_of(axis, values) for axis, values in given.get("grid", {}).items()}
    one = given
    for axis, values in said.items():
        if axis != "fraction":
            one = with_value(one, key_of_axis(axis), values[0])
    precision = one.get("precision", {})
    forms = [precision] + [precision[tensor] for tensor in TENSORS if tensor in precision]
    if "fraction" in said and {"fraction", "integer"} & precision.keys():
        raise Refused("grid.fraction is precision.fraction, which is given too")
    if "bits" in said and ("bits" in given.get("precision", {}) or "precision.bits" in said):
        raise Refused("grid.bits is precision.bits, which is given too")
    all_axes = dict(said)
    if "fraction" not in said and not any("fraction" in form or "integer" in form for form in forms):
        all_axes = {"fraction": values_of("fraction", {}), **all_axes}
    if "lr" not in said:
        all_axes = {"lr": values_of("lr", {}), **all_axes}
    named = (axis for axis in NAMED_AXES if axis in all_axes)
    order = [next(named) if axis in NAMED_AXES else axis for axis in all_axes]
    return {axis: all_axes[axis] for axis in order}


def over(said, otherwise):
    """`said` of a format, and `otherwise` what it does not say. A fraction replaces an integer and the reverse."""
    if "fraction" in said and "integer" in said:
        raise Refused("fraction and integer")
    if "fraction" in said or "integer" in said:
        otherwise = {key: value for key, value in otherwise.items() if key not in ("fraction", "integer")}
    return {**otherwise, **said}


def formats_of(config):
    """The format of each tensor."""
    precision = config["precision"]
    common = over({key: value for key, value in precision.items() if key not in TENSORS}, FORMAT)
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
    check_shifts(config, forms, config["lr"])
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


def with_classes(splits):
    """The splits with classes 0, 1, ... in the place of labels, in the order of these."""
    classes = {label: i for i, label in enumerate(sorted({label for split in splits for _, label in split}))}
    return [[(values, classes[label]) for values, label in split] for split in splits]


def split_samples(config, random):
    """The samples to train on before any shuffle, and those held out: lists of (reals, label)."""
    dataset = config["dataset"]
    train, test = with_classes(stored_samples(dataset))
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


def meaning(config, forms):
    """What decides what a network computes; two cells of one meaning are one network."""
    network, train, init = config["network"], config["train"], config["init"]
    return json.dumps([
        network["layers"], network["activation"], network["output_activation"], network["leak"], network["bias"], forms,
        init["unit"], float(init["mean"]), init["std"] if isinstance(init["std"], str) else float(init["std"]), config["lr"],
        [train[key] for key in ("batch", "rounding_seed", "iterations", "seed", "draw_order", "samples")],
        config["dataset"]["order"], config["dataset"].get("test")], sort_keys=True)


def weights_digest(weights):
    """Paragraph 8.5."""
    words, digest, place = 2 ** 64, 0, 0
    for layer in weights:
        for k in range(len(layer[0])):
            for unit in layer:
                place += 1
                x = (unit[k] + place * 0x9E3779B97F4A7C15) % words
                x = (x ^ x >> 33) * 0xFF51AFD7ED558CCD % words
                x = (x ^ x >> 33) * 0xC4CEB9FE1A85EC53 % words
                digest += x ^ x >> 33
    return digest % words


def run(path):
    """Yields the report of each cell, the last axis fastest: `axes`, the values by name; right, a bit a step; accuracy;
    mean_update; mean_error; sum_update, sum_dropped, of each layer; test_accuracy, None if nothing is held out;
    held_out_right; weights [layer][unit][input], bias last; weights_digest; moved, whether any update was not 0."""
    grid, configs = read(path)
    cells = [dict(zip(grid, values)) for values in itertools.product(*grid.values())]
    drawn = [drawn_samples_and_normals(config) for config in configs]
    all_forms = [formats_of(config) for config in configs]
    all_weights = [initial_weights(config, normals, forms["master"])
                   for config, (_, _, normals), forms in zip(configs, drawn, all_forms)]
    for (train, test, _), forms in zip(drawn, all_forms):
        for reals, _ in train + test:
            whole(max(map(abs, reals)) * 2.0 ** forms["input"]["fraction"])
    if len({meaning(*both) for both in zip(configs, all_forms)}) != len(cells):
        raise Refused("one network twice")
    for cell, config, (train, test, _), forms, weights in zip(cells, configs, drawn, all_forms, all_weights):
        network, batch, iterations = config["network"], config["train"]["batch"], config["train"]["iterations"]
        trained = Network(network["layers"], forms, weights, config["lr"], network["activation"], network["output_activation"],
                          network["leak"], network["bias"], config["train"]["rounding_seed"])
        right = []
        for first in range(0, iterations, batch):
            right += trained.train([train[step % len(train)] for step in range(first, first + batch)])
        visits = iterations // batch * sum(len(unit) for layer in trained.w for unit in layer)
        held = [trained.label_of(reals) == label for reals, label in test]
        yield {"axes": cell, "right": right, "accuracy": accuracy(right, config["report"]),
               "mean_update": sum(trained.sum_update) / visits,
               "mean_error": sum(trained.sum_dropped) / visits * 2.0 ** forms["gradient"]["fraction"],
               "sum_update": trained.sum_update, "sum_dropped": trained.sum_dropped,
               "test_accuracy": sum(held) / len(held) if held else None, "held_out_right": sum(held), "weights": trained.w,
               "weights_digest": weights_digest(trained.w), "moved": any(trained.sum_update)}


def main():
    try:
        for cell in run(sys.argv[1]):
            print(json.dumps(cell))
    except Refused as refusal:
        print(f"refused: {refusal}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
