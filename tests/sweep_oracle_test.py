#!/usr/bin/env python3
"""Compares gridrun with Python's integers from configuration to result: sweep_oracle_test.py GRIDRUN [options]

    --cases N    configurations [100]
    --first N    number of the first, each is seeded by its number [0]

Each configuration, with its data, is drawn at random: every key, 1 to 4 layers, 2 to 64 bits, learning rates of both signs,
samples of both signs, one input, one unit, test splits, one to three axes. gridrun trains it with --device reference and
--device cpu; equal must be every bit of every step, the means to a relative 1e-14, the share of the held-out samples, and
every final weight. Some configurations cannot be: what either refuses, both must. Exit status: 0 equal, 1 not.
"""
import argparse
import csv
import gzip
import json
import random
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent / "oracle"))
import sweep  # noqa: E402

ROUNDS = ["floor", "toward_zero", "nearest_up", "nearest_down", "nearest_even", "nearest_away", "stochastic"]
OVERFLOWS = ["wrap", "saturate", "saturate_symmetric"]
ACTIVATIONS = ["relu", "linear", "leaky_relu"]
WORK = 12_000  # products of one configuration: networks, steps, weights


# ------------------------------------------------------------------------------------------------ random configurations

def some(draw, keys, chance):
    return {key: value for key, value in keys.items() if draw.random() < chance}


def random_bits_of_words(draw):
    return draw.choice([draw.randint(2, 24), draw.randint(6, 18), draw.choice([31, 32, 33, 63, 64])])


def random_format(draw, chance, bits):
    """Some keys of a format whose words are of about `bits` bits."""
    form = some(draw, {"bits": random_bits_of_words(draw), "round": draw.choice(ROUNDS), "overflow": draw.choice(OVERFLOWS),
                       "random_bits": draw.choice([1, 8, 16, draw.randint(1, 32)])}, chance)
    if draw.random() < chance:
        bits = min(form.get("bits", bits), 24)
        fraction = draw.randint(0, draw.choice([bits, bits // 2, bits // 2]))
        form.update({"fraction": fraction} if draw.random() < 0.7 else {"integer": bits - fraction})
    return form


def random_precision(draw, grid):
    bits = random_bits_of_words(draw)
    precision = random_format(draw, 0.7, bits)
    if draw.random() < 0.6:
        precision["round"] = draw.choice([*ROUNDS[2:], "stochastic"])
    for axis, keys in {"fraction": ["fraction", "integer"], "bits": ["bits"]}.items():
        if axis in grid and draw.random() < 0.99:
            precision = {key: value for key, value in precision.items() if key not in keys}
    if "fraction" not in grid and not {"fraction", "integer"} & precision.keys() and draw.random() < 0.95:
        precision["fraction"] = draw.randint(2, 14)
    if draw.random() < 0.6:
        for tensor in sweep.TENSORS:
            form = random_format(draw, 0.4, bits) if draw.random() < 0.4 else {}
            unknown = {"accumulator": ["fraction", "integer", "round", "random_bits"], "input": ["round", "random_bits"],
                       "weight": ["random_bits"] if draw.random() < 0.5 else []}.get(tensor, [])
            form = {key: value for key, value in form.items() if key not in unknown}
            if tensor == "weight" and form.get("round") == "stochastic" and draw.random() < 0.8:
                form["round"] = "nearest_even"
            if form:
                precision[tensor] = form
    return precision


def random_grid(draw):
    def axis(least, most):
        first = draw.randint(least, most)
        last = min(most, first + draw.randint(0, 2))
        return draw.choice([first, {"from": first, "to": last}, sorted({first, last, draw.randint(first, most)})])

    grid = {"lr": axis(*draw.choice([(-16, -1), (-4, 4), (0, 6), (2, 8), (5, 30)]))}
    if draw.random() < 0.5:
        grid["fraction"] = axis(*draw.choice([(0, 20), (2, 10), (4, 14), (8, 52)]))
    if draw.random() < 0.3:
        grid["bits"] = axis(*draw.choice([(2, 64), (4, 20), (12, 24)]))
    return grid


def random_std(draw, unit):
    return draw.choice([*("he", "xavier")] * (unit == "real") +
                       ([0.5, 1.5, 0] if unit == "real" else [1, 50, 500.0, 500.0, 0.0, 1e5, 3e9, 3e18]))


def write_idx(path, array, kind, compress):
    data = bytes([0, 0, kind, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    data += array.astype(sweep.IDX_TYPES[kind]).tobytes()
    if compress:
        Path(f"{path}.gz").write_bytes(gzip.compress(data))
    else:
        path.write_bytes(data)


def write_data(draw, directory, inputs, classes):
    """Writes a data set; returns its keys of [dataset], and whether it has a test split."""
    values = np.random.RandomState(draw.randrange(2**32))
    counts = [draw.randint(1, 40), draw.choice([0, draw.randint(1, 40), 40])]
    labels = [[draw.randrange(classes) for _ in range(count)] for count in counts]
    if draw.random() < 0.5:
        kind = draw.choice(["reals", "grey", "halves"])
        rows = {"reals": lambda: values.uniform(-4, 4, (counts[0], inputs)),
                "grey": lambda: np.maximum(0.0, values.randint(-400, 256, (counts[0], inputs))),
                "halves": lambda: values.randint(-64, 65, (counts[0], inputs)) / 32}[kind]()
        lines = [",".join([*(repr(float(value)) for value in row), str(label)]) for row, label in zip(rows, labels[0])]
        if draw.random() < 0.3:
            lines.insert(0, ",".join(["input"] * inputs + ["label"]))
        (directory / "data.csv").write_text("".join(line + "\n" for line in lines))
        keys = {"name": "csv", "path": str(directory / "data.csv")}
        if kind == "grey":
            keys["scale"] = 255.0
        elif draw.random() < 0.05:
            keys["scale"] = draw.choice([1e-4, 1e-12, 1e-16])
        return keys, False
    kind = draw.choice([0x08, 0x08, 0x09, 0x0B, 0x0C, 0x0D, 0x0E])
    shape = (inputs // 2, 2) if inputs % 2 == 0 and draw.random() < 0.5 else (inputs,)
    compress = draw.random() < 0.3
    for split, count, of in zip(("train", "t10k"), counts, labels):
        if count == 0:
            continue
        array = values.uniform(0 if kind == 0x08 else -100, 100, (count, *shape))
        array[values.uniform(size=array.shape) < 0.3] = 0
        write_idx(directory / f"{split}-images-idx3-ubyte", array, kind, compress)
        write_idx(directory / f"{split}-labels-idx1-ubyte", np.array(of), 0x08, compress)
    return {"name": "idx", "path": str(directory), **some(draw, {"scale": draw.choice([20.0, 100.0, 3.0])}, 0.8)}, counts[1] > 0


def random_configuration(draw, directory):
    layers = [draw.choice([1, draw.randint(1, 12)]) for _ in range(draw.choice([1, 1, 2, 2, 3, 4]))]
    layers.append(draw.choice([1, 2, draw.randint(2, 12)]))
    dataset, has_test = write_data(draw, directory, layers[0], layers[-1])
    dataset.update(some(draw, {"order": draw.choice(["as_stored", "by_label"])}, 0.7))
    holds_out = draw.random() < 0.5
    if holds_out and not has_test or draw.random() < 0.02:
        dataset["test"] = draw.choice([0.25, 0.5, draw.uniform(0.02, 0.98)])
    grid = random_grid(draw)
    unit = draw.choice(["lsb", "real", "real"])
    network = {"layers": layers, **some(draw, {
        "activation": draw.choice(ACTIVATIONS), "output_activation": draw.choice(ACTIVATIONS[1:]),
        "leak": draw.randint(0, draw.choice([9, 9, 62])), "bias": draw.random() < 0.6}, 0.8)}
    batch = draw.choice([1, 1, 2, 3, 5])
    weights = sum(a * b for a, b in zip(layers, layers[1:]))
    cells = 4
    batches = max(1, min(draw.randint(1, 60) // batch, WORK // (cells * weights * batch)))
    train = {"iterations": batch * batches, "batch": batch, "seed": draw.randrange(2**32),
             "samples": "train" if holds_out or draw.random() < 0.02 else "all",
             **some(draw, {"draw_order": draw.choice(["shuffle_then_weights", "weights_then_shuffle", "weights"]),
                           "rounding_seed": draw.randrange(2**32)}, 0.7)}
    report = {"smooth_window": 1, "polyorder": 0, "curves": True, "weights": True}
    wrong = draw.random()  # what no engine trains
    if wrong < 0.02:
        train["iterations"] += 1
    elif wrong < 0.04:
        network["layers"] = [layers[0] + draw.choice([0, 1]), *layers[1:-1], max(1, layers[-1] - draw.choice([0, 1]))]
    elif wrong < 0.06:
        report.update(draw.choice([{"smooth_window": 2}, {"smooth_window": 101}, {"polyorder": 1}]))
    elif wrong < 0.08 and len(layers) == 2:
        del network["layers"]
    init = {"unit": unit, "std": random_std(draw, unit), **some(draw, {"mean": draw.choice([0.0, 0.25, -1.5, 7])}, 0.3)}
    return {"dataset": dataset, "network": network, "precision": random_precision(draw, grid), "init": init, "train": train,
            "grid": grid, "report": report}


def toml(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(inner)}" for key, inner in value.items()) + " }"
    return json.dumps(value)


def write_configuration(config, path):
    path.write_text("".join(f"[{table}]\n" + "".join(f"{key} = {toml(value)}\n" for key, value in keys.items())
                            for table, keys in config.items()))


# ------------------------------------------------------------------------------------------------ the comparison

def trained(gridrun, device, configuration, output):
    """What gridrun says, and its results' directory or None if it refuses."""
    done = subprocess.run([gridrun, "--quiet", "--device", device, "--config", configuration, "--output", output],
                          capture_output=True, text=True)
    if done.returncode not in (0, 2):
        sys.exit(f"status {done.returncode}: {done.stderr}")
    return done.stderr.strip(), output if done.returncode == 0 else None


def close(got, wanted):
    return abs(got - wanted) <= 1e-14 * abs(wanted)


def difference(results, cells):
    """What is not equal between a directory of results and the cells expected, or None."""
    with open(results / "grid.csv") as file:
        rows = list(csv.DictReader(file))
    if len(rows) != len(cells):
        return f"{len(rows)} rows, expected {len(cells)}"
    curves = np.load(results / "curves.npz")["accuracy"].reshape(len(cells), -1)
    weights = np.load(results / "weights.npz")
    for n, (row, cell) in enumerate(zip(rows, cells)):
        for key in ("lr", "fraction", "bits", "accuracy"):
            if key in cell and float(row[key]) != cell[key]:
                return f"cell {n}: {key} {row[key]}, expected {cell[key]}"
        if curves[n].tolist() != cell["right"]:
            return f"cell {n}: steps {curves[n].tolist()}, expected {cell['right']}"
        for mean in ("mean_update", "mean_error"):
            if not close(float(row[mean]), cell[mean]):
                return f"cell {n}: {mean} {row[mean]}, expected {cell[mean]}"
        if (cell["test_accuracy"] is not None) != ("test_accuracy" in row):
            return f"cell {n}: columns {list(row)}, expected a test_accuracy of {cell['test_accuracy']}"
        if "test_accuracy" in row and not close(float(row["test_accuracy"]), cell["test_accuracy"]):
            return f"cell {n}: test_accuracy {row['test_accuracy']}, expected {cell['test_accuracy']}"
        for layer, wanted in enumerate(cell["weights"], 1):
            got = weights[f"layer{layer}"].reshape(len(cells), len(wanted), -1)[n].tolist()
            if got != wanted:
                return f"cell {n}: weights of layer {layer}: {got}, expected {wanted}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gridrun")
    parser.add_argument("--cases", type=int, default=100)
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args()
    refused = networks = moved = 0
    for number in range(options.first, options.first + options.cases):
        with tempfile.TemporaryDirectory() as directory:
            scratch = Path(directory)
            configuration = scratch / "random.toml"
            write_configuration(random_configuration(random.Random(number), scratch), configuration)

            def fail(message):
                sys.exit(f"configuration {number}: {message}\n{configuration.read_text()}")

            try:
                cells, refusal = list(sweep.run(configuration)), None
            except sweep.Refused as exception:
                cells, refusal = [], exception
            for device in ("reference", "cpu"):
                said, results = trained(options.gridrun, device, configuration, scratch / device)
                if (results is None) != (refusal is not None):
                    fail(f"{device}: {said or 'trained'}, expected {refusal or 'training'}")
                different = results and difference(results, cells)
                if different:
                    fail(f"{device}: {different}")
            refused += refusal is not None
            networks += len(cells)
            moved += sum(cell["moved"] for cell in cells)
    # Networks whose weights stay would agree whatever an update did.
    assert moved > networks / 2, f"only {moved} of {networks} networks learned anything"
    print(f"{options.cases} configurations agree, {networks} networks, {moved} of them moved; {refused} refused by all")


if __name__ == "__main__":
    main()
