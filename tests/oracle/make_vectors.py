#!/usr/bin/env python3
"""Writes vectors.json beside itself: values from NumPy and SciPy for gridrun's unit tests.

    make_vectors.py [FILE]

The values are NumPy's and SciPy's own; training runs are checked here against plain Python integers. SciPy solves for
the smoothing coefficients with a general least-squares routine whose rounding shows in the 11th digit at the study's
window 1001 and order 2, and everywhere at 1001 and order 5, so the values that exact rational arithmetic gives stand
beside SciPy's: `exact_end` and `exact` beside `end` and `value`. In the JSON, reals are numbers in their shortest form
that reads back to the same bits, integers that may pass 2^53 are decimal strings, and 0/1 sequences are strings of
hexadecimal bytes, bit 0 of a byte first.
"""
import json
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import scipy
from scipy.signal import savgol_coeffs, savgol_filter

from numpy_sweep import train

STUDY_SEED = 0xDEADBEEC
SEEDS = (STUDY_SEED, 0, 1, 0xFFFFFFFF)


def integers(values):
    """Nested int64 values as nested lists of decimal strings."""
    return [integers(value) for value in values] if np.ndim(values) else str(int(values))


# ---------------------------------------------------------------------------------------------- RandomState

def weighted_sum(values):
    """Sum over i of (i + 1) * values[i], which notices any two values that changed places."""
    return sum((i + 1) * int(value) for i, value in enumerate(values))


def random_vectors(seed):
    generator = np.random.MT19937()
    generator._legacy_seeding(seed)
    raw = generator.random_raw(100000)
    at = [0, 1, 2, 3, 4, 622, 623, 624, 625, 999, 1000, 1247, 1248, 9999, 99999]

    after = np.random.RandomState(seed)  # an odd number of normals: the kept one must outlive the permutation
    normals_permutation_normals = {
        "normals": after.standard_normal(3).tolist(), "permutation": after.permutation(10).tolist(),
        "normals_after": after.standard_normal(3).tolist(), "doubles_after": after.random_sample(2).tolist()}
    after = np.random.RandomState(seed)
    permutation_normals = {"permutation": after.permutation(10).tolist(), "normals": after.standard_normal(5).tolist(),
                           "doubles_after": after.random_sample(2).tolist()}
    permutations = []
    for n in (1, 2, 3, 10, 100, 1797, 70000):
        p = np.random.RandomState(seed).permutation(n)
        shown = {"values": p.tolist()} if n <= 100 else {"first_20": p[:20].tolist(), "last_20": p[-20:].tolist()}
        permutations.append({"n": n, **shown, "weighted_sum": str(weighted_sum(p))})
    return {
        "seed": seed,
        "outputs": [{"index": i, "value": int(raw[i])} for i in at],
        "doubles": np.random.RandomState(seed).random_sample(20).tolist(),
        "normals": np.random.RandomState(seed).standard_normal(20).tolist(),
        "normal_number_10000": float(np.random.RandomState(seed).standard_normal(10000)[-1]),
        "permutations": permutations,
        "normals_then_permutation_then_normals": normals_permutation_normals,
        "permutation_then_normals": permutation_normals,
    }


def weight_vectors(what, shuffled, count, mean, std):
    """rint(mean + std * normal), after a permutation of `shuffled` if not None."""
    random = np.random.RandomState(STUDY_SEED)
    if shuffled is not None:
        random.permutation(shuffled)
    weights = np.rint(mean + std * random.standard_normal(count)).astype(np.int64)
    return {"what": what, "seed": STUDY_SEED, "permutation_first": shuffled, "count": count, "mean": mean, "std": std,
            "first_20": weights[:20].tolist(), "last_20": weights[-20:].tolist(), "sum": int(weights.sum()),
            "weighted_sum": str(weighted_sum(weights))}


# ---------------------------------------------------------------------------------------------- Savitzky-Golay

def exact_coefficients(window, polyorder):
    """The smoothing coefficients at the window's centre, as fractions, by Gram-Schmidt on 1, t, t^2, ..."""
    half = window // 2
    t = range(-half, half + 1)
    basis = []  # integer vectors, orthogonal
    for degree in range(polyorder + 1):
        vector = [Fraction(k**degree) for k in t]
        for other in basis:
            along = Fraction(sum(v * o for v, o in zip(vector, other)), sum(o * o for o in other))
            vector = [v - along * o for v, o in zip(vector, other)]
        denominator = int(np.lcm.reduce([v.denominator for v in vector], dtype=object))
        basis.append([int(v * denominator) for v in vector])
    total = [Fraction(0)] * window
    for vector in basis:
        if vector[half]:
            scale = Fraction(vector[half], sum(v * v for v in vector))
            total = [c + scale * v for c, v in zip(total, vector)]
    return total


def smoothing_vectors(window, polyorder, length, bits):
    bits = np.asarray(bits, np.float64)
    end = float(savgol_filter(bits, window, polyorder, mode="mirror")[-1])
    exact = exact_coefficients(window, polyorder)
    half, last = window // 2, length - 1
    # Mirrored about the last step: k steps after it counts as k steps before it.
    exact_end = float(sum(c for c, k in zip(exact, range(-half, half + 1)) if bits[last - abs(k)]))
    coefficients = savgol_coeffs(window, polyorder)
    for degree in range(polyorder + 1):  # what makes them the coefficients: polynomials pass unchanged
        assert sum(c * k**degree for c, k in zip(exact, range(-half, half + 1))) == (degree == 0)
    at = range(window) if window <= 21 else (0, 1, half // 2, half - 1, half, half + 1, window - 1)
    return {"window": window, "polyorder": polyorder, "length": length,
            "bits_hex": np.packbits(bits.astype(np.uint8), bitorder="little").tobytes().hex(),
            "end": end, "exact_end": exact_end,
            "coefficients": [{"index": i, "value": float(coefficients[i]), "exact": float(exact[i])} for i in at]}


def all_smoothing_vectors():
    random = np.random.RandomState(12345)
    result = []
    for window, polyorder, length in (
            (1, 0, 1), (1, 0, 7), (3, 0, 3), (3, 1, 10), (3, 2, 10), (5, 0, 5), (5, 1, 6), (5, 2, 5), (5, 3, 17),
            (5, 4, 64), (7, 5, 100), (11, 0, 11), (21, 1, 50), (51, 3, 51), (101, 4, 500), (101, 5, 1000),
            (1001, 0, 2000), (1001, 1, 2000), (1001, 2, 1001), (1001, 2, 1002), (1001, 2, 10000), (1001, 3, 2000),
            (1001, 4, 2000), (1001, 5, 1500), (2001, 2, 2001)):
        result.append(smoothing_vectors(window, polyorder, length, random.random_sample(length) < 0.8))
    for bits in (np.zeros(1500), np.ones(1500), np.arange(1500) % 2, np.arange(1500) == 1499, np.arange(1500) < 1250):
        result.append(smoothing_vectors(1001, 2, 1500, bits))
    return result


# ---------------------------------------------------------------------------------------------- fixed point

def fixed_point_vectors():
    halves = [s * (k + 0.5) for k in range(6) for s in (1, -1)]
    cases = [(h, 0) for h in halves]
    cases += [(np.ldexp(h, -8), 8) for h in halves]  # the same halves after the scaling
    cases += [(np.nextafter(h, side), 0) for h in (0.5, 1.5, 2.5, -0.5, -1.5) for side in (np.inf, -np.inf)]
    cases += [(pixel / 255.0, f) for pixel in (0, 1, 2, 3, 51, 85, 127, 128, 170, 254, 255) for f in (8, 15, 16, 23)]
    cases += [(value / 16.0, f) for value in (0, 1, 7, 8, 15, 16) for f in (0, 1, 3, 8, 23)]
    cases += [(-0.0, 8), (1e-9, 23), (-1e-9, 23), (0.1, 40), (-0.3, 52), (123456.789, 20), (-123456.789, 20), (1.0, 62)]
    return [{"input": float(v), "fraction": f, "x": str(int(np.rint(np.ldexp(v, f))))} for v, f in cases]


# ---------------------------------------------------------------------------------------------- training

def wrap(value):
    """An integer as 64-bit two's complement."""
    return (value + 2**63) % 2**64 - 2**63


def train_in_python(inputs, labels, weights, lr, fraction, activation, iterations):
    """One cell in Python's unbounded integers, each result wrapped. Also counts the results that had to wrap."""
    w = [[int(v) for v in row] for row in weights]
    wrapped, zs, right, updates, errors = 0, [], "", 0, 0

    def fit(value):
        nonlocal wrapped
        wrapped += wrap(value) != value
        return wrap(value)

    for i in range(iterations):
        s = i % len(inputs)
        x = [int(np.rint(v * 2.0**fraction)) for v in inputs[s]]
        z = [fit(sum(wk * xk for wk, xk in zip(row, x))) for row in w]
        a = [(max(v, 0) if activation == "relu" else v) >> fraction for v in z]
        right += "01"[max(range(len(a)), key=lambda j: (float(a[j]), -j)) == labels[s]]
        zs.append(z)
        for j, row in enumerate(w):
            g = 1 if activation == "linear" or z[j] >> fraction > 0 else 0
            d = fit(((1 << fraction if j == labels[s] else 0) - a[j])) * g
            for k, xk in enumerate(x):
                u = fit(d * xk) >> fraction
                updates += abs(u)
                errors += abs(u - (u >> lr) * 2**lr)
                row[k] = fit(row[k] + (u >> lr))
    return w, zs, right, updates, errors, wrapped


def training_vectors(name, inputs, labels, weights, lr, fraction, activation, iterations, wraps):
    weights = np.array(weights, np.int64)
    zs, activations, deltas = [], [], []

    def trace(_, z, a, d):
        zs.append(z[0].copy())
        activations.append(a[0].copy())
        deltas.append(d[0].copy())

    after, right, updates, errors = train(
        [(lr, fraction)], weights, lambda i: (np.array(inputs[i % len(inputs)], np.float64), labels[i % len(inputs)]),
        iterations, activation, trace)
    right = "".join("01"[int(r)] for r in right[0])
    w, z, r, sum_updates, sum_errors, wrapped = train_in_python(
        inputs, labels, weights, lr, fraction, activation, iterations)
    assert (w, z, r, [sum_updates], [sum_errors]) == (
        after[0].tolist(), [v.tolist() for v in zs], right, updates, errors), name
    assert (wrapped > 0) == wraps, (name, wrapped)
    return {"name": name, "activation": activation, "lr": lr, "fraction": fraction, "iterations": iterations,
            "inputs": inputs, "labels": labels, "weights": integers(weights),
            "results_that_wrapped": wrapped,
            "final_weights": integers(after[0]), "right": right,
            "z_by_step": integers(zs), "a_by_step": integers(activations), "d_by_step": integers(deltas),
            "sum_abs_update": str(updates[0]), "sum_abs_error": str(errors[0])}


def all_training_vectors():
    random = np.random.RandomState(2024)

    def case(name, samples, inputs, outputs, spread, std, lr, fraction, activation, iterations, wraps, signed=False):
        values = random.randint(-64 if signed else 0, 65, (samples, inputs)) / 64.0 * spread
        values[random.random_sample(values.shape) < 0.25] = 0.0
        return training_vectors(name, values.tolist(), random.randint(0, outputs, samples).tolist(),
                                np.rint(std * random.standard_normal((outputs, inputs))), lr, fraction, activation,
                                iterations, wraps)

    low, top = -2**63, 2**63 - 1
    return [
        case("relu, ordinary", 7, 5, 3, 1.0, 500, 5, 10, "relu", 40, False),
        case("relu, ordinary, inputs of both signs", 5, 6, 4, 1.0, 500, 7, 16, "relu", 40, False, True),
        case("linear, ordinary", 7, 5, 3, 1.0, 500, 6, 12, "linear", 40, False),
        case("linear, diverges past 64 bits", 4, 4, 3, 64.0, 500, 0, 12, "linear", 30, True),
        case("linear, diverges past 64 bits, inputs of both signs", 5, 3, 2, 100.0, 500, 2, 20, "linear", 30, True,
             True),
        case("relu, weights near the limits", 6, 4, 3, 8.0, 2.0**60, 3, 4, "relu", 30, True, True),
        case("linear, large lr", 5, 4, 3, 4.0, 2.0**58, 40, 2, "linear", 20, True, True),
        training_vectors("linear, updates of -2^63", [[1.0]], [0], [[low], [low]], 1, 0, "linear", 6, True),
        training_vectors("linear, lr 62", [[1.0, 3.0]], [1], [[low + 12345, 777], [999, top - 5]], 62, 0, "linear", 8, True),
        training_vectors("arg-max of equals, and of values that round to equals in binary64",
                         [[1.0], [1.0]], [0, 1], [[2**60], [2**60 + 1], [2**60 - 1]], 55, 0, "relu", 4, False),
        training_vectors("arg-max of all zeros is the first", [[0.0, 0.0], [1.0, 0.5]], [0, 1], [[-5, -6], [-7, -8]],
                         5, 8, "relu", 4, False),
    ]


def main():
    vectors = {
        "made by": f"tests/oracle/make_vectors.py, NumPy {np.__version__}, SciPy {scipy.__version__}",
        "random_state": [random_vectors(seed) for seed in SEEDS],
        "initial_weights": [
            weight_vectors("digits: weights first", None, 640, 0.0, 500.0),
            weight_vectors("mnist: the shuffle first", 70000, 7840, 0.0, 500.0),
            weight_vectors("weights first", None, 7840, 0.0, 500.0),
            weight_vectors("another mean and deviation", None, 641, -12.25, 0.75),
        ],
        "savitzky_golay": all_smoothing_vectors(),
        "fixed_point": fixed_point_vectors(),
        "training": all_training_vectors(),
    }
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("vectors.json")
    # One line per case, so that a change shows which case it touched.
    sections = []
    for key, value in vectors.items():
        if isinstance(value, list):
            lines = ",\n".join("    " + json.dumps(item) for item in value)
            sections.append(f"  {json.dumps(key)}: [\n{lines}\n  ]")
        else:
            sections.append(f"  {json.dumps(key)}: {json.dumps(value)}")
    path.write_text("{\n" + ",\n".join(sections) + "\n}\n")


if __name__ == "__main__":
    main()
