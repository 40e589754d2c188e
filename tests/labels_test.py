#!/usr/bin/env python3
"""Shows that labels name causes: labels_test.py GRIDRUN [--device NAME]

Networks on DIGITS that fail for one known reason have its label; where that reason alone is removed, they learn. And networks
that are trained in words of exactly the bits that diagnostics.csv says they needed are the same networks. Exit status: 0, or 1
where a label or a network is another.
"""
import argparse
import csv
import subprocess
import sys
import tempfile
from pathlib import Path

REAL = ['init.unit="real"', "init.std=0.01"]
WORDS = ["input", "master", "accumulator", "activation", "error", "gradient"]

# Label, the sweep with one cell that learns beside the cell in question, that cell, what removes its cause.
CASES = [
    ("drifting", ["grid.lr=[12]", "grid.fraction=[13,23]"], 13, ['precision.round="nearest_even"']),
    ("drifting", ["grid.lr=[16]", "grid.fraction=[19,23]"], 19, ['precision.round="nearest_even"']),
    ("frozen", [*REAL, 'precision.round="nearest_even"', "grid.lr=[10]", "grid.fraction=[8,23]"], 8,
     ["precision.master.fraction=20"]),
    ("diverged", [*REAL, "precision.bits=10", 'precision.round="nearest_even"', "grid.lr=[5]", "grid.fraction=[8,9]"], 9,
     ["precision.bits=20"]),
    ("saturated", [*REAL, "precision.bits=10", 'precision.overflow="saturate"', 'precision.round="nearest_even"', "grid.lr=[8]",
                   "grid.fraction=[8,11]"], 11, ["precision.bits=20"]),
    ("dead", [*REAL, "init.mean=-0.2", 'precision.round="nearest_even"', "grid.lr=[8]", "grid.fraction=[16]"], 16, ["init.mean=0"]),
    ("undertrained", [*REAL, 'precision.round="stochastic"', "grid.lr=[16]", "grid.fraction=[16]", "train.iterations=1001"], 16,
     ["train.iterations=20000"]),
]


def run(gridrun, device, directory, settings):
    """The rows of figures.csv and of diagnostics.csv, and the digests of final weights, by lr and fraction."""
    sets = [part for setting in settings for part in ("--set", setting)]
    subprocess.run([gridrun, "--config", "digits.toml", "--device", device, "--quiet", "--set", "report.diagnostics=true",
                    "--output", directory, *sets], check=True)
    tables = []
    for name in ("figures.csv", "diagnostics.csv"):
        with open(Path(directory, name), newline="") as file:
            tables.append({(int(row["lr"]), int(row["fraction"])): row for row in csv.DictReader(file)})
    return tables


def check_causes(gridrun, device, scratch):
    failed = []
    for number, (label, settings, fraction, remedy) in enumerate(CASES):
        for name, sets, expected in (("as it is", settings, label), ("without the cause", settings + remedy, "learned")):
            figures, _ = run(gridrun, device, f"{scratch}/{number}-{expected}", sets)
            cell = next(row for place, row in figures.items() if place[1] == fraction)
            if cell["label"] != expected:
                failed.append(f"{label}, {sets}, {name}: {cell['label']} at {cell['recent_accuracy']}, expected {expected}")
    return failed


def check_bits(gridrun, device, scratch):
    """In words as narrow as needed, every network is the same."""
    settings = ["precision.bits=40", 'precision.overflow="saturate"', "network.layers=[64,12,10]", *REAL, "train.iterations=1500"]
    _, needed = run(gridrun, device, f"{scratch}/wide", [*settings, "grid.lr=[4,8]", "grid.fraction=[8,14]"])
    failed = []
    for (lr, fraction), _ in needed.items():
        with open(f"{scratch}/wide/diagnostics.csv", newline="") as file:
            layers = [row for row in csv.DictReader(file) if row["lr"] == str(lr) and row["fraction"] == str(fraction)]
        bits = {word: max(int(layer[f"{word}_bits"]) for layer in layers if layer[f"{word}_bits"]) for word in WORDS}
        words = [f"precision.{word}.bits={max(count, 2)}" for word, count in bits.items()]
        place = [f"grid.lr=[{lr}]", f"grid.fraction=[{fraction}]"]
        pair = []
        for name, sets in (("all", []), ("needed", words)):
            directory = f"{scratch}/{name}-{lr}-{fraction}"
            run(gridrun, device, directory, [*settings, *place, "report.weights=true", *sets])
            pair.append({name: Path(directory, name).read_bytes() for name in ("grid.csv", "weights.npz")})
        if pair[0] != pair[1]:
            failed.append(f"lr {lr}, fraction {fraction}, words of {bits} bits: another network")
        if sum(bits.values()) >= 40 * len(WORDS) / 1.3:
            failed.append(f"lr {lr}, fraction {fraction}: words of {bits} bits are hardly fewer than 40")
    return failed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("gridrun")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        failed = check_causes(options.gridrun, options.device, scratch) + check_bits(options.gridrun, options.device, scratch)
    print("\n".join(failed) or "labels name causes, and words of the bits needed do")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
