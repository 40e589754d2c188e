#!/usr/bin/env python3
"""The answers for the two studies, computed from the golden tables independently of gridrun.

    answers.py --mnist DIRECTORY     writes tests/oracle/answers.json

The definitions are those of host/results/answers.hpp and host/results/chance.hpp; the code shares nothing with them. The labels that
chance is measured on come from numpy_sweep.py. Needs NumPy, SciPy and MNIST.
"""
import argparse
import csv
import json
from pathlib import Path

import numpy as np
from scipy.signal import savgol_filter

import numpy_sweep

ROOT = Path(__file__).resolve().parents[2]
TOLERANCE = 0.02


def chance(study, overrides):
    """Level, margin, and the variance of the smoothed value in units of p (1 - p)."""
    config = numpy_sweep.load_config(ROOT / f"data/{study}.toml", overrides)
    _, labels = numpy_sweep.load_dataset(config)
    order, _ = numpy_sweep.draw(config, len(labels))
    steps, window = config["train.iterations"], config["report.smooth_window"]
    seen = labels[order[np.arange(steps) % len(order)]]

    def at_end(values):
        return savgol_filter(values.astype(float), window, config["report.polyorder"], mode="mirror")[-1]

    level = max(at_end(seen == label) for label in set(seen))
    # The filter is linear: its weights at the end are its answers to single ones.
    end = np.array([at_end(np.arange(steps) == step) for step in range(steps - window, steps)])
    spread = np.sum(end**2)
    return level, 4 * np.sqrt(spread * level * (1 - level)), spread


def golden(study):
    """lr, fractions, accuracy [lr][fraction]."""
    with open(ROOT / f"tests/golden/{study}.csv", newline="") as file:
        cells = {(int(row["lr"]), int(row["fraction"])): float(row["accuracy"]) for row in csv.DictReader(file)}
    lr, fractions = (np.array(sorted(set(axis))) for axis in zip(*cells))
    return lr, fractions, np.array([[cells[l, f] for f in fractions] for l in lr])


def answers_of(metric, lr, fractions, values, figures, level, margin, spread):
    """Of one table: values [lr][fraction] of the metric, other figures by name, and the metric's chance."""
    plateau = values.max(axis=1)
    p = (np.clip(values.max(), 0, 1) + spread) / (1 + 2 * spread)  # Agresti and Caffo 2000
    noise = 1.96 * np.sqrt(2 * p * (1 - p) * spread / (1 + 2 * spread))
    within = max(TOLERANCE, noise)
    told = {"metric": metric, "tolerance": TOLERANCE, "noise": noise,
            "chance": {"level": level, "margin": margin, "threshold": level + margin}}
    learned = plateau > level + margin
    assert len(fractions) > 1

    def cell(mask):
        """The most accurate cell of a mask; of equals the fewest bits, then the smallest lr."""
        top = np.where(mask, values, -np.inf)
        column, row = np.argwhere((top == top.max()).T)[0]
        return {"lr": int(lr[row]), "fraction": int(fractions[column]), "value": values[row, column],
                **{name: figure[row, column] for name, figure in figures.items()}}

    everywhere = np.ones_like(values, bool)
    in_row = [everywhere & (lr == l)[:, None] for l in lr]
    in_column = [everywhere & (fractions == f)[None, :] for f in fractions]
    best = cell(everywhere)
    if not learned.any():
        return {**told, "learned": False, "best": best, "by_lr": [], "by_fraction": [], "fewest_bits": None,
                "left_cliff": None, "diagonal_cliff": None, "settled": None, "common_rate": None}
    above = values > level + margin
    near_best = (values >= values.max() - within) & above

    knees = [int(fractions[(values[r] >= plateau[r] - within) & above[r]].min()) if learned[r] else None
             for r in range(len(lr))]
    settled = [next((int(f) for c, f in enumerate(fractions[:-1]) if np.ptp(values[r, c:]) <= within), None)
               for r in range(len(lr))]

    cliff = np.flatnonzero(near_best.any(axis=1))[0]
    hidden = [r for r in range(cliff + 1, len(lr)) if knees[r] in (None, fractions[-1])]
    first_hidden = hidden[0] if hidden else len(lr)
    shown = list(range(cliff + 1, first_hidden))
    diagonal = None
    if len(shown) >= 3:
        slope, intercept = np.polyfit(lr[shown], [knees[r] for r in shown], 1)
        diagonal = {"intercept": intercept, "slope": slope, "lr": [int(lr[r]) for r in shown],
                    "residuals": [knees[r] - intercept - slope * lr[r] for r in shown]}

    still = [r for r in range(len(lr)) if learned[r] and (settled[r] is None or r >= first_hidden)]
    flat = [settled[r] for r in range(len(lr)) if learned[r] and r not in still]

    column_best = values.max(axis=0)
    column_learned = column_best > level + margin
    good = ((values >= column_best - within) & above) | ~column_learned  # [lr][fraction]
    common = None
    if column_learned.sum() > 1 and len(lr) > 1:
        for c in np.flatnonzero(column_learned):
            serving = np.flatnonzero(good[:, c:].all(axis=1))
            if serving.size:
                common = {"lr": int(lr[serving[0]]), "fraction": int(fractions[c]),
                          "everywhere": bool(c == np.flatnonzero(column_learned)[0])}
                break

    return {
        **told,
        "learned": True,
        "best": best,
        "by_lr": [{"lr": int(lr[r]), "plateau": plateau[r], "plateau_fraction": cell(in_row[r])["fraction"],
                   "knee": knees[r], "settled": settled[r], "cut_off": r >= first_hidden} for r in range(len(lr))],
        "by_fraction": [{**cell(in_column[c]), "learned": bool(column_learned[c])} for c in range(len(fractions))],
        "fewest_bits": cell(near_best & in_column[np.flatnonzero(near_best.any(axis=0))[0]]),
        "left_cliff": {"lr": int(lr[cliff]), "next_lr": int(lr[cliff - 1]) if cliff else None,
                       "loss": best["value"] - plateau[cliff - 1] if cliff else 0.0},
        "diagonal_cliff": diagonal,
        "settled": {"fraction": max(flat), "except_lr": [int(lr[r]) for r in still]} if flat else None,
        "common_rate": common,
    }


def answers(study, overrides=()):
    lr, fractions, accuracy = golden(study)
    return answers_of("accuracy", lr, fractions, accuracy, {"accuracy": accuracy}, *chance(study, overrides))


def main():
    parser = argparse.ArgumentParser(description="Writes answers.json, the answers for the golden tables.")
    parser.add_argument("--mnist", required=True, metavar="DIRECTORY", help="MNIST's four IDX files")
    options = parser.parse_args()
    results = {"digits": answers("digits"), "mnist": answers("mnist", [f'dataset.path="{options.mnist}"'])}
    Path(__file__).with_name("answers.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
