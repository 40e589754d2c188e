#!/usr/bin/env python3
"""Prints the published vectors of fit(), tests/golden/fit.csv, from exact fractions.

A word of the format {bits, fraction, round, overflow} stands for word * 2^-fraction; `value` stands for value * 2^-scale;
R is the random number of a stochastic rounding, else 0. docs/arithmetic.md, part 2.
"""
from fractions import Fraction
from math import ceil, floor

ROUNDS = ["floor", "toward_zero", "nearest_up", "nearest_down", "nearest_even", "nearest_away", "stochastic"]
OVERFLOWS = ["wrap", "saturate", "saturate_symmetric"]


def rounded(x, mode, noise):
    """An integer beside the fraction x; `noise`, in [0, 1), is that of a stochastic rounding."""
    below = floor(x)
    rest = x - below
    if mode == "floor":
        return below
    if mode == "toward_zero":
        return below if x >= 0 else ceil(x)
    if mode == "stochastic":
        return floor(x + noise)
    if rest != Fraction(1, 2):
        return below + (rest > Fraction(1, 2))
    return below + {"nearest_up": 1, "nearest_down": 0, "nearest_even": below % 2, "nearest_away": int(x > 0)}[mode]


def overflowed(n, bits, mode):
    largest = 2 ** (bits - 1) - 1
    if mode == "wrap":
        return (n + largest + 1) % 2**bits - largest - 1
    return max(-largest if mode == "saturate_symmetric" else -largest - 1, min(largest, n))


def fit(value, scale, bits, fraction, mode, overflow, random=0):
    x = Fraction(value, 2**scale) * 2**fraction  # in units of the format's last place
    noise = Fraction(random, 2 ** max(0, scale - fraction))
    return overflowed(rounded(x, mode, noise), bits, overflow)


def main():
    print("value,scale,bits,fraction,round,overflow,R,word")
    cases = []
    for mode in ROUNDS:  # ties, near ties and exact values of both signs, two bits dropped
        for value in [0, 1, 2, 3, 4, 5, 6, 7, 10, 14, -1, -2, -3, -4, -5, -6, -7, -10, -14]:
            for random in range(4) if mode == "stochastic" else [0]:
                cases.append((value, 6, 8, 4, mode, "wrap", random))
    for overflow in OVERFLOWS:  # at and around the ends of a word, with and without a shift
        for value in [7, 8, 9, 15, 16, 17, 100, -7, -8, -9, -15, -16, -17, -100]:
            for scale, fraction in [(0, 0), (1, 0), (0, 2)]:
                cases.append((value, scale, 4, fraction, "nearest_even", overflow, 0))
    for overflow in OVERFLOWS:  # 64-bit words; left shifts that need more than 64 bits; the widest right shift
        for value in [2**63 - 1, -(2**63), 2**62, -(2**62), 1, -1]:
            for scale, fraction in [(0, 0), (0, 1), (0, 62), (63, 0), (32, 16)]:
                for mode in ["floor", "nearest_away"]:
                    cases.append((value, scale, 64, fraction, mode, overflow, 0))
    for case in cases:
        value, scale, bits, fraction, mode, overflow, random = case
        print(*case, fit(value, scale, bits, fraction, mode, overflow, random), sep=",")


if __name__ == "__main__":
    main()
