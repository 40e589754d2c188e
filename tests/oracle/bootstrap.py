#!/usr/bin/env python3
"""Intervals over seeds as docs/results.md defines them, with nothing of gridrun's. Prints those of bootstrap_test.cpp."""
import statistics

RESAMPLES = 1000


def philox(counter, key):
    """Philox4x32-10 (Salmon et al. 2011)."""
    c, k = list(counter), list(key)
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b & 0xFFFFFFFF, (a >> 32) ^ c[3] ^ k[1], a & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


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
