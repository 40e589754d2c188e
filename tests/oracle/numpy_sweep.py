#!/usr/bin/env python3
"""An independent NumPy implementation of gridrun's sweeps, to compare the C++ engines with on any cells.

    numpy_sweep.py --config FILE [--set KEY=VALUE]... [--cells lr:fraction,...] [--output FILE.csv]

Reads the same TOML as gridrun and shares nothing else with it: NumPy's own RandomState, SciPy's own Savitzky-Golay
filter, NumPy's wrapping int64 arithmetic. All cells are trained together, one column per neuron of a cell.
Prints `lr,fraction,accuracy,mean_update,mean_error`, reals with 17 significant digits, to standard output or to --output.
Cells are those of the grid (lr in rows, fraction in columns), or those of --cells, which need not be in the grid.

Data sets: digits (shipped), mnist and idx (a directory with the four IDX files of MNIST's names, plain or .gz; for idx
the two t10k files may be absent), csv (numbers, one sample a line, label last, an optional header line).
A relative dataset.path is looked for in the current directory, then in the repository's root.

Exit status: 0 done, 1 failed, 2 wrong request. Needs NumPy, SciPy, and Python 3.11 or the tomli package.
"""
import argparse
import gzip
import itertools
import re
import sys
from pathlib import Path

import numpy as np
from scipy.signal import savgol_filter

try:
    import tomllib
except ImportError:  # Python < 3.11
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
HEADER = "lr,fraction,accuracy,mean_update,mean_error"

DEFAULTS = {
    "dataset.name": None, "dataset.path": None, "dataset.order": "by_label", "dataset.scale": None,
    "network.layers": None, "network.activation": "relu",
    "init.mean": 0.0, "init.std": 500.0,
    "train.iterations": 10000, "train.seed": 0xDEADBEEC, "train.draw_order": "shuffle_then_weights",
    "grid.lr": {"from": 5, "to": 19}, "grid.fraction": {"from": 8, "to": 23},
    "report.smooth_window": 1001, "report.polyorder": 2, "report.tolerance": 0.02, "report.curves": False,
}
FOLD = 1024  # steps between two foldings of the 64-bit partial sums into Python's integers


class RequestError(Exception):
    """The configuration or the command line is wrong."""


# ---------------------------------------------------------------------------------------------- configuration

def load_config(path, settings):
    """The flat {"table.key": value} of a TOML file, with each "KEY=VALUE" of `settings` on top."""
    try:
        tables = tomllib.loads(Path(path).read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise RequestError(f"{path}: {error}") from error
    given = {}
    for table, keys in tables.items():
        if not isinstance(keys, dict):
            raise RequestError(f"{path}: key '{table}' is outside any table")
        given.update({f"{table}.{key}": value for key, value in keys.items()})
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise RequestError(f"--set {setting}: not KEY=VALUE")
        try:
            value = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            value = value.strip()  # a bare word is a string
        key, end = re.fullmatch(r"(.*?)(?:\.(from|to))?", key.strip()).groups()
        given[key] = {**given.get(key, DEFAULTS[key]), end: value} if end else value
    unknown = sorted(set(given) - set(DEFAULTS))
    if unknown:
        raise RequestError(f"unknown key {', '.join(unknown)}")
    config = {**DEFAULTS, **given}
    for key in ("dataset.name", "dataset.scale", "network.layers"):
        if config[key] is None:
            raise RequestError(f"{key} is missing")
    for key, choices in {"dataset.name": ("digits", "mnist", "idx", "csv"),
                         "dataset.order": ("as_stored", "by_label"),
                         "network.activation": ("relu", "linear"),
                         "train.draw_order": ("shuffle_then_weights", "weights_then_shuffle", "weights")}.items():
        if config[key] not in choices:
            raise RequestError(f"{key} = {config[key]!r} is none of {', '.join(choices)}")
    window, iterations = config["report.smooth_window"], config["train.iterations"]
    if iterations < 1:
        raise RequestError("train.iterations must be at least 1")
    if window < 1 or window % 2 == 0 or window > iterations:
        raise RequestError(f"report.smooth_window = {window} must be odd and no longer than the run ({iterations})")
    if not 0 <= config["report.polyorder"] < window:
        raise RequestError("report.polyorder must be at least 0 and less than report.smooth_window")
    if len(config["network.layers"]) != 2:
        raise RequestError("network.layers must be [inputs, outputs]")
    return config


def axis(value):
    """The integers of a grid axis: a list, {from, to} with both ends, or one alone."""
    if isinstance(value, int):
        return [value]
    return list(range(value["from"], value["to"] + 1)) if isinstance(value, dict) else list(value)


def choose_cells(config, text):
    """The (lr, fraction) pairs to train."""
    if text is None:
        cells = list(itertools.product(axis(config["grid.lr"]), axis(config["grid.fraction"])))
    else:
        try:
            cells = [tuple(int(part) for part in cell.split(":")) for cell in text.split(",")]
        except ValueError:
            cells = [()]
        if any(len(cell) != 2 for cell in cells):
            raise RequestError(f"--cells {text}: not lr:fraction,...")
    if not cells or any(not (0 <= lr <= 62 and 0 <= fraction <= 62) for lr, fraction in cells):
        raise RequestError("there must be a cell, and lr and fraction must lie in 0..62")
    return cells


# ---------------------------------------------------------------------------------------------- data sets

def read_idx(directory, name):
    """One IDX file of unsigned bytes, plain or .gz, as an array of its own shape; None if there is neither."""
    for path, opener in ((directory / name, open), (directory / f"{name}.gz", gzip.open)):
        if path.exists():
            with opener(path, "rb") as file:
                data = file.read()
            if data[:3] != b"\0\0\x08":
                raise ValueError(f"{path}: not an IDX file of unsigned bytes")
            rank = data[3]
            shape = np.frombuffer(data, ">u4", rank, 4).astype(int)
            return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape)
    return None


def read_csv(path):
    """Samples (binary64) and labels of a CSV file, label last. A first line that is not numbers is a header."""
    lines = [line for line in path.read_text().splitlines() if line.strip()]
    if not lines:
        raise ValueError(f"{path}: no samples")
    try:
        [float(field) for field in lines[0].split(",")]
    except ValueError:
        lines = lines[1:]
    table = np.array([[float(field) for field in line.split(",")] for line in lines])
    return table[:, :-1], table[:, -1].astype(np.int64)


def load_dataset(config):
    """Inputs [sample][input] as stored / scale, labels [sample], in the order asked for, before the shuffle."""
    name = config["dataset.name"]
    path = config["dataset.path"] or {"digits": ROOT / "data/digits.csv", "mnist": "data/mnist"}.get(name)
    if path is None:
        raise RequestError(f"dataset.path is missing, and '{name}' has no default")
    path = Path(path)
    if not path.exists() and not path.is_absolute():
        path = ROOT / path
    if name in ("digits", "csv"):
        splits = [read_csv(path)]
    else:
        splits = []
        for split in ("train", "t10k"):
            images = read_idx(path, f"{split}-images-idx3-ubyte")
            labels = read_idx(path, f"{split}-labels-idx1-ubyte")
            if images is None or labels is None:
                if name == "idx" and split == "t10k" and images is None and labels is None:
                    continue
                raise FileNotFoundError(f"{path}: no {split} images or labels")
            splits.append((images.reshape(len(images), -1), labels.astype(np.int64)))
    if config["dataset.order"] == "by_label":  # a stable sort inside each original split
        orders = [np.argsort(labels, kind="stable") for _, labels in splits]
        splits = [(inputs[order], labels[order]) for (inputs, labels), order in zip(splits, orders)]
    stored = np.concatenate([inputs for inputs, _ in splits])
    labels = np.concatenate([labels for _, labels in splits])
    inputs, outputs = config["network.layers"]
    if stored.shape[1] != inputs:
        raise RequestError(f"network.layers[0] = {inputs}, but the samples have {stored.shape[1]} inputs")
    if labels.min() < 0 or labels.max() >= outputs:
        raise RequestError(f"labels {labels.min()}..{labels.max()} do not fit {outputs} output neurons")
    return stored, labels


def draw(config, samples):
    """The order of the samples, and the initial weights [output][input], from one generator."""
    inputs, outputs = config["network.layers"]
    random = np.random.RandomState(config["train.seed"])
    order = np.arange(samples)
    if config["train.draw_order"] == "shuffle_then_weights":
        order = random.permutation(samples)
    normals = random.standard_normal((outputs, inputs))
    weights = np.rint(config["init.mean"] + config["init.std"] * normals).astype(np.int64)
    if config["train.draw_order"] == "weights_then_shuffle":
        order = random.permutation(samples)
    return order, weights


# ---------------------------------------------------------------------------------------------- training

class ExactSums:
    """One exact non-negative sum per column, of 64-bit terms, however many."""

    def __init__(self, columns):
        self.low = np.zeros(columns, np.uint64)   # sums of the terms' low 32 bits
        self.high = np.zeros(columns, np.uint64)  # sums of their high 32 bits
        self.total = [0] * columns

    def add(self, columns, terms):
        """Adds terms [input][column], unsigned 64-bit, to the named columns. Fold every 2^32 terms at the latest."""
        self.low[columns] += (terms & np.uint64(0xFFFFFFFF)).sum(axis=0, dtype=np.uint64)
        self.high[columns] += (terms >> np.uint64(32)).sum(axis=0, dtype=np.uint64)

    def fold(self):
        self.total = [total + (int(high) << 32) + int(low)
                      for total, high, low in zip(self.total, self.high, self.low)]
        self.low[:] = 0
        self.high[:] = 0


def train(cells, weights, sample, iterations, activation, trace=None):
    """Trains every cell for `iterations` steps.

    cells: (lr, fraction) pairs. weights: [output][input], int64. sample(i): inputs in binary64 and label of step i.
    trace(i, z, a, d), if given, sees each step's int64 arrays [cell][output].
    Returns weights [cell][output][input], right [cell][step], and two lists with one exact integer per cell:
    the sum of |u|, and the sum of u - (u >> lr) * 2^lr in units of the last place of u.
    """
    outputs, inputs = weights.shape
    columns = len(cells) * outputs  # a column is one neuron of one cell: all they share is x
    lr = np.repeat(np.array([cell[0] for cell in cells], np.int64), outputs)
    fraction = np.repeat(np.array([cell[1] for cell in cells], np.int64), outputs)
    fractions, fraction_of = np.unique(fraction, return_inverse=True)
    w = np.ascontiguousarray(np.tile(weights, (len(cells), 1)).T)  # [input][column]
    right = np.zeros((len(cells), iterations), bool)
    updates, errors = ExactSums(columns), ExactSums(columns)

    for i in range(iterations):
        values, label = sample(i)
        used = np.flatnonzero(values)  # the others give zero products and zero updates
        quantised = np.rint(np.ldexp(values[used, None], fractions[None, :]))
        if quantised.size and np.abs(quantised).max() >= 2.0**63:
            raise ValueError(f"step {i}: an input does not fit 64 bits at fraction {fractions[-1]}")
        x = quantised.astype(np.int64)[:, fraction_of]  # [used input][column]

        z = (w[used] * x).sum(axis=0, dtype=np.int64)  # int64 arrays wrap
        if activation == "relu":
            a = np.where(z > 0, z, 0) >> fraction
            g = ((z >> fraction) > 0).astype(np.int64)
        else:
            a = z >> fraction
            g = np.ones_like(z)
        target = np.zeros((len(cells), outputs), np.int64)
        target[:, label] = 1
        d = ((target.reshape(-1) << fraction) - a) * g

        live = np.flatnonzero(d)
        if live.size and used.size:
            u = (d[live] * x[:, live]) >> fraction[live]  # [used input][live column]
            step = u >> lr[live]
            w[np.ix_(used, live)] += step
            updates.add(live, np.abs(u).view(np.uint64))  # |-2^63| wraps to itself, which reads as 2^63
            errors.add(live, (u - (step << lr[live])).view(np.uint64))  # in [0, 2^lr)
        if i % FOLD == FOLD - 1:
            updates.fold()
            errors.fold()

        a = a.reshape(len(cells), outputs)
        right[:, i] = a.astype(np.float64).argmax(axis=1) == label  # the first of equals
        if trace:
            trace(i, z.reshape(a.shape), a, d.reshape(a.shape))

    updates.fold()
    errors.fold()

    def per_cell(sums):
        return [sum(sums.total[c * outputs:(c + 1) * outputs]) for c in range(len(cells))]

    return w.T.reshape(len(cells), outputs, inputs), right, per_cell(updates), per_cell(errors)


def smoothed_end(right, window, polyorder):
    """The Savitzky-Golay smoothed 0/1 sequence at its last step."""
    return savgol_filter(right.astype(np.float64), window, polyorder, mode="mirror")[-1]


def run(config, cells):
    """One (lr, fraction, accuracy, mean_update, mean_error) per cell."""
    stored, labels = load_dataset(config)
    order, weights = draw(config, len(labels))
    iterations, scale = config["train.iterations"], float(config["dataset.scale"])

    def sample(i):
        index = order[i % len(order)]
        return stored[index].astype(np.float64) / scale, labels[index]

    _, right, updates, errors = train(cells, weights, sample, iterations, config["network.activation"])
    terms = float(iterations * weights.size)
    # float() of the exact integer rounds once and the quotient once; 2^fraction only moves the exponent.
    return [(lr, fraction, smoothed_end(right[c], config["report.smooth_window"], config["report.polyorder"]),
             float(updates[c]) / terms, float(errors[c]) / terms * 2.0**fraction)
            for c, (lr, fraction) in enumerate(cells)]


def main():
    parser = argparse.ArgumentParser(description="Trains a sweep with NumPy, as a check on gridrun.")
    parser.add_argument("--config", required=True, metavar="FILE", help="the sweep's TOML file")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override one key of the file")
    parser.add_argument("--cells", metavar="LR:FRACTION,...", help="only these cells, in this order")
    parser.add_argument("--output", metavar="FILE.csv", help="write here instead of to standard output")
    options = parser.parse_args()
    try:
        config = load_config(options.config, options.set)
        rows = run(config, choose_cells(config, options.cells))
    except RequestError as error:
        print(f"numpy_sweep: {error}", file=sys.stderr)
        return 2
    except (OSError, ValueError) as error:
        print(f"numpy_sweep: {error}", file=sys.stderr)
        return 1
    text = "\n".join([HEADER] + ["%d,%d,%.17g,%.17g,%.17g" % row for row in rows]) + "\n"
    if options.output:
        Path(options.output).write_text(text)
    else:
        sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
