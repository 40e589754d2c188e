#!/usr/bin/env python3
"""Compares gridrun with Python's integers from configuration to result: sweep_oracle_test.py GRIDRUN [options]

    --cases N    configurations [100]
    --first N    number of the first, each is seeded by its number [0]

Each configuration, with its data, is drawn at random: every key, 1 to 4 layers, 2 to 64 bits, learning rates of both signs,
samples of both signs, one input, one unit, test splits, one to six axes of any keys, some of them given by --set. gridrun
trains it with --device reference and --device cpu; equal must be every bit of every step, the means to a relative 1e-14, the
share of the held-out samples, every final weight, and the integers and the weights' digest of each network in networks.db.
Some configurations cannot be: what either refuses, both must. Exit status: 0 equal, 1 not.
"""
import argparse
import csv
import gzip
import json
import random
import sqlite3
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


def some_values(draw, value):
    """Two or three that differ of those that value() draws, or one where it draws no other."""
    values = []
    for _ in range(6):
        drawn = value()
        if drawn not in values:
            values.append(drawn)
    return values[:draw.choice([1, 2, 2, 3])]


def random_axis(draw, key, config):
    """Values for an axis of any key, as [grid] has them."""
    train, layers = config["train"], config["network"].get("layers", [2, 2])
    part = key.rpartition(".")[2]
    if key == "train.seed" and draw.random() < 0.5:
        first, step = draw.randrange(2**32 - 10), draw.randint(1, 4)
        return {"from": first, "to": first + draw.randint(0, 2 * step), **some(draw, {"step": step}, 0.9)}
    if key == "init.mean" and draw.random() < 0.5:
        return {"from": -0.5, "to": draw.choice([0.1, 0.5]), "step": draw.choice([0.5, 0.2, 0.3])}
    value = {
        "seed": lambda: draw.randrange(2**32), "rounding_seed": lambda: draw.randrange(2**32),
        "iterations": lambda: train["batch"] * draw.randint(1, 3) if draw.random() < 0.97 else train["batch"] + 1,
        "batch": lambda: draw.choice([1, train["iterations"], train["batch"]]),
        "draw_order": lambda: draw.choice(["shuffle_then_weights", "weights_then_shuffle", "weights"]),
        "order": lambda: draw.choice(["as_stored", "by_label"]), "samples": lambda: draw.choice([train["samples"]] * 9 + ["all"]),
        "test": lambda: draw.choice([0.25, 0.5, 0.75]), "activation": lambda: draw.choice(ACTIVATIONS),
        "output_activation": lambda: draw.choice(ACTIVATIONS), "leak": lambda: draw.randint(0, 9),
        "bias": lambda: draw.random() < 0.5, "unit": lambda: draw.choice(["lsb", "real"]),
        "layers": lambda: [layers[0], *(draw.randint(1, 5) for _ in range(draw.randint(0, 2))), layers[-1]],
        "mean": lambda: draw.choice([0.0, 1, -0.25]), "std": lambda: random_std(draw, config["init"]["unit"]),
        "bits": lambda: random_bits_of_words(draw), "fraction": lambda: draw.randint(0, 12),
        "integer": lambda: draw.randint(1, 6), "round": lambda: draw.choice(ROUNDS),
        "overflow": lambda: draw.choice(OVERFLOWS), "random_bits": lambda: draw.randint(1, 32)}[part]
    values = some_values(draw, value)
    return values[0] if len(values) == 1 and key != "network.layers" and draw.random() < 0.5 else values


def random_axes(draw, config, count):
    """So many axes of any keys. Most go with the rest of the configuration."""
    tensor = draw.choice(["master", "activation", "error", "gradient"])
    keys = ["train.seed", "train.rounding_seed", "train.iterations", "train.batch", "train.draw_order", "train.samples",
            "dataset.order", "network.layers", "network.activation", "network.output_activation", "network.leak",
            "network.bias", "init.unit", "init.mean", "init.std", "precision.round", "precision.overflow",
            "precision.random_bits", f"precision.{tensor}.bits", f"precision.{tensor}.round", "precision.accumulator.bits",
            "precision.accumulator.overflow"]
    if "bits" not in config["grid"] or draw.random() < 0.02:
        keys.append("precision.bits")
    if "fraction" not in config["grid"] and "integer" not in config["precision"] or draw.random() < 0.02:
        keys.append("precision.fraction")
    if "integer" not in config["precision"].get(tensor, {}):
        keys.append(f"precision.{tensor}.fraction")
    if "test" in config["dataset"]:
        keys.append("dataset.test")
    return {key: random_axis(draw, key, config) for key in draw.sample(keys, count)}


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
    axes_of_keys = draw.choice([0, 0, 1, 2, 2, 3])
    cells = 4 * 2 ** axes_of_keys
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
    config = {"dataset": dataset, "network": network, "precision": random_precision(draw, grid), "init": init, "train": train,
              "grid": grid, "report": report}
    more = random_axes(draw, config, axes_of_keys)
    names = [*grid, *more]
    draw.shuffle(names)
    config["grid"] = {name: {**grid, **more}[name] for name in names}
    if draw.random() < 0.98:  # one shape for all networks
        report["curves"] = "train.iterations" not in more
        report["weights"] = not {"network.layers", "network.bias"} & more.keys()
    return config


def toml(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{toml_key(key)} = {toml(inner)}" for key, inner in value.items()) + " }"
    return json.dumps(value)


def toml_key(key):
    return f'"{key}"' if "." in key else key


def write_configuration(config, path):
    path.write_text("".join(f"[{table}]\n" + "".join(f"{toml_key(key)} = {toml(value)}\n" for key, value in keys.items())
                            for table, keys in config.items()))


def with_overrides(draw, config):
    """The same with some of the last axes left out, and the overrides that give these."""
    grid = list(config["grid"].items())
    kept = len(grid) if draw.random() < 0.6 else draw.randint(0, len(grid))
    while kept < len(grid) and "." not in grid[kept][0]:  # where lr is in the text decides on its place
        kept += 1
    return ({**config, "grid": dict(grid[:kept])},
            [f"grid.{toml_key(axis)}={toml(values)}" for axis, values in grid[kept:]])


# ------------------------------------------------------------------------------------------------ the comparison

def trained(gridrun, device, configuration, overrides, output):
    """What gridrun says, and its results' directory or None if it refuses."""
    done = subprocess.run([gridrun, "--quiet", "--device", device, "--config", configuration, "--output", output,
                           *(part for override in overrides for part in ("--set", override))], capture_output=True, text=True)
    if done.returncode not in (0, 2):
        sys.exit(f"status {done.returncode}: {done.stderr}")
    return done.stderr.strip(), output if done.returncode == 0 else None


def close(got, wanted):
    return abs(got - wanted) <= 1e-14 * abs(wanted)


def same_value(text, value):
    """Whether a field of grid.csv says a value."""
    if isinstance(value, bool) or isinstance(value, list):
        return text == json.dumps(value, separators=(",", ":"))
    if isinstance(value, str) or text in ("he", "xavier"):
        return text == value
    return float(text) == value


def stored(results, cells):
    """The rows of networks.db in the order of the cells, None where there is none."""
    database = sqlite3.connect(results / "networks.db")
    database.row_factory = sqlite3.Row

    def same_cell(row, axes):
        return all((value is True) == (row[axis] == 1) if isinstance(value, bool) else same_value(str(row[axis]), value)
                   for axis, value in axes.items())

    rows = database.execute("SELECT * FROM networks").fetchall()
    database.close()
    return [next((row for row in rows if same_cell(row, cell["axes"])), None) for cell in cells]


def difference_of_store(results, cells):
    """What is not equal between networks.db and the cells expected, or None."""
    for n, (row, cell) in enumerate(zip(stored(results, cells), cells)):
        if row is None:
            return f"cell {n}: not in networks.db"
        layers = [(str(update), str(dropped)) for update, dropped in zip(cell["sum_update"], cell["sum_dropped"])]
        for column, wanted in {"steps": len(cell["right"]), "right": sum(cell["right"]),
                               "held_out_right": cell["held_out_right"],
                               "weights_digest": f"{cell['weights_digest']:016x}"}.items():
            if row[column] != wanted:
                return f"cell {n}: {column} {row[column]} in networks.db, expected {wanted}"
        if [(layer["abs_update"], layer["dropped"]) for layer in json.loads(row["layers"])] != layers:
            return f"cell {n}: layers {row['layers']} in networks.db, expected {layers}"
    return None


def difference(results, cells, report):
    """What is not equal between a directory of results and the cells expected, or None."""
    with open(results / "grid.csv") as file:
        rows = list(csv.DictReader(file))
    if len(rows) != len(cells):
        return f"{len(rows)} rows, expected {len(cells)}"
    curves = np.load(results / "curves.npz")["accuracy"].reshape(len(cells), -1) if report["curves"] else None
    weights = np.load(results / "weights.npz") if report["weights"] else None
    holds_out = any(cell["test_accuracy"] is not None for cell in cells)
    for n, (row, cell) in enumerate(zip(rows, cells)):
        if list(row)[:len(cell["axes"])] != list(cell["axes"]):
            return f"columns {list(row)}, expected {list(cell['axes'])} first"
        for key, value in {**cell["axes"], "accuracy": cell["accuracy"]}.items():
            if not same_value(row[key], value):
                return f"cell {n}: {key} {row[key]}, expected {value}"
        if curves is not None and curves[n].tolist() != cell["right"]:
            return f"cell {n}: steps {curves[n].tolist()}, expected {cell['right']}"
        for mean in ("mean_update", "mean_error"):
            if not close(float(row[mean]), cell[mean]):
                return f"cell {n}: {mean} {row[mean]}, expected {cell[mean]}"
        if holds_out != ("test_accuracy" in row):
            return f"cell {n}: columns {list(row)}, expected a test_accuracy of {cell['test_accuracy']}"
        if cell["test_accuracy"] is None:
            if row.get("test_accuracy", "nan") not in ("nan", ""):
                return f"cell {n}: test_accuracy {row['test_accuracy']}, expected none"
        elif not close(float(row["test_accuracy"]), cell["test_accuracy"]):
            return f"cell {n}: test_accuracy {row['test_accuracy']}, expected {cell['test_accuracy']}"
        for layer, wanted in enumerate(cell["weights"] if weights else [], 1):
            got = weights[f"layer{layer}"].reshape(len(cells), len(wanted), -1)[n].tolist()
            if got != wanted:
                return f"cell {n}: weights of layer {layer}: {got}, expected {wanted}"
    return difference_of_store(results, cells)


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
            draw, configuration, given = random.Random(number), scratch / "random.toml", scratch / "given.toml"
            config = random_configuration(draw, scratch)
            write_configuration(config, configuration)
            without, overrides = with_overrides(draw, config)
            write_configuration(without, given)

            def fail(message):
                sys.exit(f"configuration {number}: {message}\n{configuration.read_text()}{overrides} by --set")

            try:
                cells, refusal = list(sweep.run(configuration)), None
            except sweep.Refused as exception:
                cells, refusal = [], exception
            for device in ("reference", "cpu"):
                said, results = trained(options.gridrun, device, given, overrides, scratch / device)
                if (results is None) != (refusal is not None):
                    fail(f"{device}: {said or 'trained'}, expected {refusal or 'training'}")
                different = results and difference(results, cells, config["report"])
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
