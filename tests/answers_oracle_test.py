#!/usr/bin/env python3
"""Computes answers from figures.csv with nothing of gridrun's and compares answers.json: answers_oracle_test.py GRIDRUN

Over seeds and with one seed, by each metric, on DIGITS. Exit status: 0 equal, 1 not.
"""
import csv
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent / "oracle"))
import answers  # noqa: E402
import bootstrap  # noqa: E402

ACCURACIES = ["accuracy", "recent_accuracy", "test_accuracy"]
CHANCE = {"accuracy": "chance", "recent_accuracy": "recent_chance", "test_accuracy": "test_chance"}


def run(gridrun, directory, *settings):
    """The rows of figures.csv, and answers.json."""
    sets = [part for setting in settings for part in ("--set", setting)]
    subprocess.run([gridrun, "--config", "digits.toml", "--device", "cpu", "--quiet", "--output", directory, *sets], check=True)
    with open(Path(directory, "figures.csv"), newline="") as file:
        rows = list(csv.DictReader(file))
    return rows, json.loads(Path(directory, "answers.json").read_text())


def table(rows, metric, window):
    """What answers.answers_of() takes of one table."""
    lr, fractions = (np.array(sorted({int(row[axis]) for row in rows})) for axis in ("lr", "fraction"))
    cells = {(int(row["lr"]), int(row["fraction"])): row for row in rows}

    def of(name):
        return np.array([[float(cells[l, f][name]) for f in fractions] for l in lr])

    level, held_out = float(rows[0][CHANCE[metric]]), float(rows[0]["held_out"])
    if metric == "accuracy":
        end = np.zeros(window)  # the weights of SciPy's filter, at the end
        for k in range(window):
            end[k] = answers.savgol_filter(np.eye(1, window, k)[0], window, 2, mode="mirror")[-1]
        spread = np.sum(end**2)
    else:
        spread = 1 / (held_out if metric == "test_accuracy" else window)
    margin = 4 * np.sqrt(level * (1 - level) * spread)
    figures = {name: of(name) for name in ACCURACIES if rows[0][name]}
    return metric, lr, fractions, of(metric), figures, level, margin, spread


def estimate(values):
    values = [float(value) for value in values if value is not None]
    if not values:
        return None
    low, high = bootstrap.interval(values, statistics.median)
    return {"median": statistics.median(values), "low": low, "high": high, "seeds": len(values)}


def over_seeds(of_seed):
    def answer(*path):
        def of(seed):
            for key in path:
                seed = seed[key] if seed is not None else None
            return seed
        return estimate([of(seed) for seed in of_seed])

    def cliff(key):
        return estimate([seed["left_cliff"][key] for seed in of_seed
                         if seed["left_cliff"] and seed["left_cliff"]["next_lr"] is not None])

    learned = [seed for seed in of_seed if seed["learned"]]
    last = learned[0]["by_fraction"][-1]["fraction"] if learned else None
    rows = [[seed["by_lr"][r] for seed in learned] for r in range(len(learned[0]["by_lr"]))] if learned else []
    return {
        "learned": len(learned),
        "noise": estimate([seed["noise"] for seed in of_seed]),
        "best": {"value": answer("best", "value"), "lr": answer("best", "lr"), "fraction": answer("best", "fraction")},
        "by_lr": [{"lr": row[0]["lr"], "plateau": estimate([seed["plateau"] for seed in row]),
                   "knee": estimate([last if seed["cut_off"] else seed["knee"] for seed in row]),
                   "cut_off": sum(seed["cut_off"] for seed in row)} for row in rows],
        "fewest_bits": answer("fewest_bits", "fraction") and {"fraction": answer("fewest_bits", "fraction"),
                                                              "lr": answer("fewest_bits", "lr")},
        "left_cliff": cliff("lr") and {"lr": cliff("lr"), "loss": cliff("loss")},
        "diagonal_cliff": answer("diagonal_cliff", "slope") and {"slope": answer("diagonal_cliff", "slope"),
                                                                 "intercept": answer("diagonal_cliff", "intercept")},
        "settled": answer("settled", "fraction") and {"fraction": answer("settled", "fraction")},
        "common_rate": answer("common_rate", "lr") and {"lr": answer("common_rate", "lr"),
                                                        "fraction": answer("common_rate", "fraction")},
    }


def differences(got, expected, where=""):
    if isinstance(expected, dict):
        return [line for key in expected for line in differences((got or {}).get(key), expected[key], f"{where}.{key}")]
    if isinstance(expected, list) and isinstance(got, list) and len(got) == len(expected):
        return [line for i, value in enumerate(expected) for line in differences(got[i], value, f"{where}[{i}]")]
    if isinstance(expected, (int, float)) and not isinstance(expected, bool) and isinstance(got, (int, float)):
        return [] if abs(got - expected) < 1e-9 else [f"{where}: {got}, expected {expected}"]
    return [] if got == expected else [f"{where}: {got}, expected {expected}"]


def main():
    gridrun = sys.argv[1]
    small = ["grid.fraction={from=8,to=16}", "grid.lr={from=5,to=12}", "train.iterations=3000", "report.smooth_window=501"]
    failed = []
    with tempfile.TemporaryDirectory() as scratch:
        for metric in ACCURACIES:
            more = [f'report.metric="{metric}"']
            if metric == "test_accuracy":
                more += ['train.samples="train"', "dataset.test=0.2"]
            rows, got = run(gridrun, f"{scratch}/one-{metric}", *small, *more)
            failed += differences(got, answers.answers_of(*table(rows, metric, 501)), f"one seed, {metric}")
            rows, got = run(gridrun, f"{scratch}/{metric}", *small, *more, 'grid."train.seed"=[1,2,3,4,5]')
            of_seed = [answers.answers_of(*table([row for row in rows if row["train.seed"] == str(seed)], metric, 501))
                       for seed in range(1, 6)]
            failed += differences(got["by_seed"], of_seed, f"each seed, {metric}")
            failed += differences(got, over_seeds(of_seed), f"seeds, {metric}")
    print("\n".join(failed) or "answers are equal")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
