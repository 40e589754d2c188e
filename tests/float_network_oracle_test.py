#!/usr/bin/env python3
"""Compares the engines' networks of binary64 with NumPy on random networks: float_network_oracle_test.py PROGRAM

PROGRAM is tests/float_network_cases.cpp. 400 seeded networks of 1 to 4 layers; a third of them diverge. Every bit of a step,
every answer of the held-out pass and the digest of the final weights must be equal. Exit status: 0 equal, 1 not.
"""
import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent / "oracle"))
from float_network import FloatNetwork, initial_weights  # noqa: E402

CASES = 400
ACTIVATIONS = ["relu", "linear", "leaky_relu"]


def random_case(seed):
    draw = random.Random(seed)
    units = [draw.randint(1, draw.choice([4, 9, 33])) for _ in range(draw.choice([2, 2, 3, 3, 4, 5]))]
    samples, batch = draw.randint(1, 6), draw.choice([1, 1, 2, 3, 5, 150])
    value = draw.choice([lambda: draw.uniform(-4, 4), lambda: draw.choice([0.0, -0.0, draw.randint(0, 255) / 255])])
    return {"units": units, "activation": draw.choice(ACTIVATIONS), "output_activation": draw.choice(ACTIVATIONS),
            "leak": draw.randint(0, 62), "bias": draw.random() < 0.5, "unit": draw.choice(["lsb", "real"]),
            "fraction": draw.randint(0, 10), "mean": draw.choice([0.0, 0.25]),
            "std": draw.choice([0.3, 1.0, 50.0, draw.choice([0.5, 1e150])]),
            "lr": draw.randint(3, 8) if draw.random() < 0.6 else draw.randint(-16, 62), "batch": batch,
            "iterations": batch * (2 if batch > 9 else draw.randint(1, 40)),
            "normals": [draw.gauss(0, 1) for n in range(len(units) - 1) for _ in range(units[n] * units[n + 1])],
            "samples": [value() for _ in range(samples * units[0])],
            "labels": [draw.randrange(units[-1]) for _ in range(samples)]}


def expected(case):
    """What the program is to print, and the final weights."""
    units, count = case["units"], len(case["labels"])
    weights = initial_weights(units, case["normals"], case["unit"], case["mean"], case["std"], case["fraction"])
    network = FloatNetwork(units, weights, case["lr"], case["activation"], case["output_activation"], case["leak"],
                           case["bias"])
    samples, right = np.reshape(case["samples"], (count, units[0])), []
    for first in range(0, case["iterations"], case["batch"]):
        steps = [step % count for step in range(first, first + case["batch"])]
        right += network.train([(samples[i], case["labels"][i]) for i in steps])
    held_out = [network.label_of(sample) == label for sample, label in zip(samples, case["labels"])]
    return {"right": right, "held_out_right": held_out, "digest": network.digest()}, network.w


def main():
    np.seterr(all="ignore")
    cases = [random_case(seed) for seed in range(CASES)]
    lines = "".join(json.dumps(case) + "\n" for case in cases)
    printed = subprocess.run([sys.argv[1]], input=lines, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(printed) == CASES, f"{len(printed)} answers to {CASES} cases"
    diverged = 0
    for seed, (case, line) in enumerate(zip(cases, printed)):
        got, (wanted, weights) = json.loads(line), expected(case)
        if got != wanted:
            sys.exit(f"case {seed}: {got}, expected {wanted}\n{json.dumps(case)}")
        diverged += not all(np.isfinite(w).all() for w in weights)
    assert CASES / 20 < diverged < CASES / 2, f"{diverged} networks diverged"
    print(f"{CASES} networks agree, {diverged} of them diverged")


if __name__ == "__main__":
    main()
