#!/usr/bin/env python3
"""Compares the reference engine's network with Python's integers on random networks: network_oracle_test.py PROGRAM

PROGRAM is tests/network_cases.cpp. 600 seeded networks: formats of 2 to 64 bits, every rounding and overflow, 1 to 4 layers,
biases, batches, learning rates of both signs, inputs of both signs, one input, one unit. Every bit of a step, every bit
of the held-out pass, every sum, every final weight and all diagnostics must be equal. Exit status: 0 equal, 1 not.
"""
import json
import math
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "oracle"))
from network import Network  # noqa: E402

CASES = 600
ROUNDS = ["floor", "toward_zero", "nearest_up", "nearest_down", "nearest_even", "nearest_away", "stochastic"]
OVERFLOWS = ["wrap", "saturate", "saturate_symmetric"]
ACTIVATIONS = ["relu", "linear", "leaky_relu"]
TENSORS = ["input", "master", "weight", "accumulator", "activation", "error", "gradient"]


def random_format(draw, wide):
    bits = draw.choice([64, 63, 33, 32, 31]) if wide else draw.randint(2, 24)
    return {"bits": bits, "fraction": draw.randint(0, min(bits, 20)), "round": draw.choice(ROUNDS),
            "overflow": draw.choice(OVERFLOWS), "random_bits": draw.choice([32, 32, 16, 8, 1, draw.randint(1, 32)])}


def random_case(seed):
    """One network; none of its right shifts is above 63."""
    draw = random.Random(seed)
    base = random_format(draw, draw.random() < 0.4)
    mixed = draw.random() < 0.7
    formats = {tensor: random_format(draw, draw.random() < 0.3) if mixed else dict(base) for tensor in TENSORS}
    formats["input"]["round"] = "nearest_even"
    if formats["weight"]["round"] == "stochastic" or draw.random() < 0.4:
        formats["weight"] = dict(formats["master"])
    largest, smallest = formats["gradient"]["fraction"], formats["master"]["fraction"]
    lr = draw.randint(max(-16, -largest), min(20, 63 + smallest - largest))
    layers = draw.choice([1, 1, 2, 2, 3, 4])
    units = [draw.randint(1, 7) for _ in range(layers + 1)]
    # As normals are: binary64. Some overflow at the start.
    spread = 2 ** draw.choice([2, 4, 8, formats["master"]["bits"] - 1, min(63, formats["master"]["bits"])])
    highest = int(math.nextafter(2.0**63, 0))
    weight = lambda: min(highest, int(float(draw.randint(-spread, spread))))  # noqa: E731
    batch, samples = draw.choice([1, 1, 1, 2, 3, 5]), draw.randint(1, 6)
    value = draw.choice([lambda: draw.uniform(-4, 4), lambda: draw.choice([0.0, 0.0, draw.randint(0, 255) / 255]),
                         lambda: draw.randint(-64, 64) / 32])
    return {"units": units, "activation": draw.choice(ACTIVATIONS), "output_activation": draw.choice(ACTIVATIONS),
            "leak": draw.randint(0, 8), "bias": draw.random() < 0.5, "formats": formats, "lr": lr, "batch": batch,
            "rounding_seed": draw.randrange(2**32),
            "weights": [[weight() for _ in range(units[n] * units[n + 1])] for n in range(layers)],
            "samples": [[value() for _ in range(units[0])] for _ in range(samples)],
            "labels": [draw.randrange(units[-1]) for _ in range(samples)],
            "iterations": batch * draw.randint(1, 6)}


def expected(case):
    rows = [[layer[j * inputs:(j + 1) * inputs] for j in range(units)]
            for layer, inputs, units in zip(case["weights"], case["units"], case["units"][1:])]
    network = Network(case["units"], case["formats"], rows, case["lr"], case["activation"], case["output_activation"],
                      case["leak"], case["bias"], case["rounding_seed"])
    right, count = [], len(case["samples"])
    for first in range(0, case["iterations"], case["batch"]):
        steps = [step % count for step in range(first, first + case["batch"])]
        right += network.train([(case["samples"][i], case["labels"][i]) for i in steps])
    judged = [network.label_of(sample) == label for sample, label in zip(case["samples"], case["labels"])]
    return {"right": right, "held_out": judged,
            "sums": [[str(update), str(dropped)] for update, dropped in zip(network.sum_update, network.sum_dropped)],
            "weights": [[w for unit in layer for w in unit] for layer in network.w],
            "diagnostics": [layer.counted(case["formats"]) for layer in network.diagnostics]}


def main():
    cases = [random_case(seed) for seed in range(CASES)]
    lines = "".join(json.dumps(case) + "\n" for case in cases)
    printed = subprocess.run([sys.argv[1]], input=lines, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(printed) == CASES, f"{len(printed)} answers to {CASES} cases"
    moved = 0  # networks whose weights changed: the others would agree whatever an update did
    happened = Counter()  # in how many layers there was what is counted
    for seed, (case, line) in enumerate(zip(cases, printed)):
        got, wanted = json.loads(line), expected(case)
        for part in wanted:
            if got[part] != wanted[part]:
                sys.exit(f"case {seed}: {part}: {got[part]}, expected {wanted[part]}\n{json.dumps(case)}")
        moved += any(update != "0" for update, _ in wanted["sums"])
        for layer in wanted["diagnostics"]:
            for name, count in zip(TENSORS, layer["tensors"]):
                happened[name] += count["overflowed"] > 0
                happened["over 64 bits"] += count["bits"] > 64
            for name in ["updates", "lost", "inactive", "last_inactive"]:
                happened[name] += layer[name] > 0
            happened["step"] += layer["step"] != "0"
            happened["product"] += layer["product"] != "0"
    assert moved > CASES / 2, f"only {moved} networks learned anything"
    assert len(happened) == len(TENSORS) + 7 and min(happened.values()) >= 10, f"too seldom: {happened}"
    print(f"{CASES} networks agree, {moved} of them moved")


if __name__ == "__main__":
    main()
