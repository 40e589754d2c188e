#!/usr/bin/env python3
"""Writes smoothing.json beside itself: Savitzky-Golay weights from exact fractions, for gridrun's unit tests.

    smoothing.py [FILE]

The weights are the polynomial c(k) = sum_j a[j] k^(2j) of degree 2 floor(polyorder / 2) in the distance k from the
window's centre with sum_k c(k) k^(2i) = 1 for i = 0, else 0: a linear system of integers, solved in fractions. An odd
order has the weights of the even one below. Each weight is rounded once, to the nearest double; of wide windows some
distances stand for all.
"""
import json
import sys
from fractions import Fraction
from pathlib import Path

NARROW = range(5, 27, 2)
WIDE = (41, 101, 501, 1001, 9999, 99999)
WIDEST, SOME_ORDERS = 999999, (4, 12, 20)  # the configuration's limit
HIGHEST_ORDER = 20
DISTANCES = 12  # of a wide window


def solved(matrix, right):
    """x with matrix x = right, by Gauss's elimination in fractions."""
    rows = [[Fraction(value) for value in row] + [Fraction(value)] for row, value in zip(matrix, right)]
    for i, pivot in enumerate(rows):
        pivot[:] = [value / pivot[i] for value in pivot]
        for row in rows[:i] + rows[i + 1:]:
            row[:] = [value - row[i] * of_pivot for value, of_pivot in zip(row, pivot)]
    return [row[-1] for row in rows]


def weights(window, order, distances):
    half, terms = window // 2, order // 2 + 1
    moments = [sum(k**(2 * m) for k in range(-half, half + 1)) for m in range(2 * terms - 1)]
    a = solved([moments[i:i + terms] for i in range(terms)], [1] + [0] * (terms - 1))
    return [float(sum(factor * k**(2 * j) for j, factor in enumerate(a))) for k in distances]


def vector(window, order):
    half = window // 2
    distances = range(half + 1) if window in NARROW else sorted({half * i // (DISTANCES - 1) for i in range(DISTANCES)})
    return {"window": window, "polyorder": order, "distances": list(distances),
            "weights": weights(window, order, distances)}


def main():
    cases = [(window, order) for window in (*NARROW, *WIDE)
             for order in range(4, min(HIGHEST_ORDER, window - 1) + 1, 2)]
    cases += [(WIDEST, order) for order in SOME_ORDERS]
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("smoothing.json")
    lines = ",\n".join(json.dumps(vector(*case)) for case in cases)
    target.write_text(f'{{"made by": "tests/oracle/smoothing.py",\n"weights": [\n{lines}\n]}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
