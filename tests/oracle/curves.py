#!/usr/bin/env python3
"""Whole runs smoothed by SciPy's Savitzky-Golay filter: writes curves.json beside this file.

Needs NumPy and SciPy.
"""
import json
from pathlib import Path

import numpy as np
import scipy
from scipy.signal import savgol_filter

CASES = (  # window, polyorder, length
    (1, 0, 1), (1, 0, 40), (3, 1, 3), (5, 2, 5), (5, 3, 30), (7, 6, 100), (11, 0, 11), (21, 2, 64), (51, 3, 400),
    (101, 2, 101), (101, 4, 1000), (101, 5, 1000), (201, 2, 3000), (201, 3, 3000), (1001, 0, 2000), (1001, 1, 2000),
    (1001, 2, 1001), (1001, 2, 4000), (1001, 3, 2000))


def vector(random, window, polyorder, length):
    bits = random.random_sample(length) < np.linspace(0.1, 0.9, length)  # a network that learns
    smoothed = savgol_filter(bits.astype(float), window, polyorder, mode="mirror")
    steps = np.unique(np.linspace(0, length - 1, min(length, 40)).astype(int))
    return {"window": window, "polyorder": polyorder, "length": length,
            "bits_hex": np.packbits(bits, bitorder="little").tobytes().hex(),
            "steps": steps.tolist(), "smoothed": smoothed[steps].tolist()}


def main():
    random = np.random.RandomState(54321)
    lines = ",\n".join("  " + json.dumps(vector(random, *case)) for case in CASES)
    made_by = json.dumps(f"tests/oracle/curves.py, NumPy {np.__version__}, SciPy {scipy.__version__}")
    Path(__file__).with_name("curves.json").write_text(f'{{"made by": {made_by}, "runs": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
