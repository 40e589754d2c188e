#!/usr/bin/env python3
"""Intervals over seeds as docs/results.md defines them, with nothing of gridrun's. Prints those of bootstrap_test.cpp."""
import functools
import statistics

from network import philox

RESAMPLES = 1000


@functools.cache
def resamples(n):
    """Seeds drawn for each resample."""
    return [[philox((i // 4, r, 0, 0), (n, 0x626F6F74))[i % 4] * n >> 32 for i in range(n)] for r in range(RESAMPLES)]


def interval(values, figure):
    """Bounds of the 95 % interval of figure(values)."""
    if len(values) == 1:
        return values[0], values[0]
    results = sorted(figure([values[i] for i in draw]) for draw in resamples(len(values)))
    return results[24], results[-25]


def mean(values):
    return sum(values) / len(values)


if __name__ == "__main__":
    seeds = [0.84, 0.91, 0.79, 0.88, 0.86, 0.9, 0.87]
    print("mean", *map(repr, interval(seeds, mean)))
    print("median", *map(repr, interval(seeds, statistics.median)))
