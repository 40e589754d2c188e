#!/usr/bin/env python3
"""Compares the reference engine's updates with the gradients of binary64: gradient_test.py PROGRAM

PROGRAM is tests/network_cases.cpp. With wide words, one batch at lr 0 adds to each weight what gradient descent does on
the loss ½ Σ (target − a)², summed over the batch, but for roundings. This holds the definition itself to what training
means: a wrong sign, a transposed weight or a forgotten slope is no rounding.

The tolerance. Let every tensor have F fraction bits, round to nearest and never overflow; then sums are exact and a fit
adds an error of at most h = 2^-(F+1). From the same inputs and weights, with |δ| the bound of a value's error, elementwise:

    |δa_l| = |W_l| |δa_{l-1}| + h,  δa_0 = 0           f' is at most 1
    |δd_L| = g |δa_L| + h                              g the unit's slope, which must be the same in both: |z| above its error
    |δd_l| = g |W_{l+1}|ᵀ |δd_{l+1}| + h
    |δu|   = Σ over the batch (|d| |δa| + |δd| |a| + |δd| |δa|) + h

All terms but one are proportional to h: the tolerance halves with each further bit. Binary64's own roundings are some 2^-50.
Exit status: 0 equal within it, 1 not.
"""
import json
import subprocess
import sys

import numpy as np

SEEDS, FRACTIONS = 20, [14, 18, 22, 26]
BATCH, UNITS = 6, [7, 5, 5, 5, 4]  # a transposed weight between equal layers has the right shape
KINDS = [("leaky_relu", "linear"), ("leaky_relu", "leaky_relu"), ("relu", "linear"), ("linear", "linear")]
LEAK = 2
BINARY64 = 2.0**-40  # of values of at most 2^10


def slopes(kind, z):
    return {"linear": np.ones_like(z), "relu": (z > 0) * 1.0, "leaky_relu": np.where(z > 0, 1.0, 2.0**-LEAK)}[kind]


def with_one(a):
    return np.column_stack([a, np.ones(len(a))])


def forward(weights, kinds, x):
    """Inputs with the bias, sums and activations of each layer, [sample][unit]."""
    inputs, sums, a = [], [], x
    for w, kind in zip(weights, kinds):
        inputs.append(with_one(a))
        sums.append(inputs[-1] @ w.T)
        a = slopes(kind, sums[-1]) * sums[-1]
    return inputs, sums, a


def loss(weights, kinds, x, target):
    return 0.5 * ((target - forward(weights, kinds, x)[2]) ** 2).sum()


def descent(weights, kinds, x, target, back=lambda w: w):
    """−∂loss/∂weights, and d of each layer, by backpropagation; `back` spoils the weights on the way."""
    inputs, sums, a = forward(weights, kinds, x)
    d = [(target - a) * slopes(kinds[-1], sums[-1])]
    for layer in reversed(range(len(weights) - 1)):
        d.insert(0, (d[0] @ back(weights[layer + 1][:, :-1])) * slopes(kinds[layer], sums[layer]))
    return [of_layer.T @ x for of_layer, x in zip(d, inputs)], d


def tolerance(weights, kinds, x, target, h):
    """|δu| of each weight; also checks that no slope can differ."""
    inputs, sums, _ = forward(weights, kinds, x)
    magnitudes = [np.abs(w[:, :-1]) for w in weights]
    delta_a = [np.zeros_like(x)]
    for w, z, kind in zip(magnitudes, sums, kinds):
        of_sum = delta_a[-1] @ w.T
        if kind != "linear" and (np.abs(z) <= of_sum + h).any():
            return None
        delta_a.append(of_sum + h)
    delta_d = [slopes(kinds[-1], sums[-1]) * delta_a[-1] + h]
    for layer in reversed(range(len(weights) - 1)):
        delta_d.insert(0, slopes(kinds[layer], sums[layer]) * (delta_d[0] @ magnitudes[layer + 1]) + h)
    _, d = descent(weights, kinds, x, target)
    bias_is_exact = [np.column_stack([delta, np.zeros(len(x))]) for delta in delta_a]
    return [(np.abs(d[n]) + delta_d[n]).T @ bias_is_exact[n] + delta_d[n].T @ np.abs(inputs[n]) + h
            for n in range(len(weights))]


def check_descent(weights, kinds, x, target, expected):
    """Backpropagation itself, against central differences: between kinks the loss is a square in each weight."""
    step = 2.0**-20  # small, so that hardly a kink is near
    tolerance_of_difference = 2.0**-46 * loss(weights, kinds, x, target) / step
    for w, of_layer in zip(weights, expected):
        for place in np.ndindex(w.shape):
            ends = []
            for sign in (1, -1):
                w[place] += sign * step
                ends.append(loss(weights, kinds, x, target))
                w[place] -= sign * step
            slope = (ends[1] - ends[0]) / (2 * step)
            assert abs(slope - of_layer[place]) < tolerance_of_difference, f"backpropagation is wrong at {place}"


def updates(program, cases):
    """What one batch added to the weights, [case][layer][unit][input], in units of the last place."""
    lines = "".join(json.dumps(case) + "\n" for case in cases)
    printed = subprocess.run([program], input=lines, capture_output=True, text=True, check=True).stdout.splitlines()
    for case, line in zip(cases, printed):
        after = json.loads(line)["weights"]
        changed = []
        for n, (inputs, units) in enumerate(zip(UNITS, UNITS[1:])):
            before = with_one(np.array(case["weights"][n]).reshape(units, inputs))
            before[:, -1] = 0  # biases
            changed.append(np.array(after[n]).reshape(units, inputs + 1) - before)
        yield changed


def main():
    for hidden, output in KINDS:
        kinds = [hidden] * (len(UNITS) - 2) + [output]
        cases, networks = [], []
        for seed in range(SEEDS):
            for fraction in FRACTIONS:
                random, one = np.random.RandomState(seed), 2.0**fraction
                form = {"bits": 64, "fraction": fraction, "round": "nearest_even", "overflow": "wrap", "random_bits": 32}
                integers = [np.rint(random.normal(size=(units, inputs)) * np.sqrt(2 / inputs) * one)  # he
                            for inputs, units in zip(UNITS, UNITS[1:])]
                x = np.rint(random.uniform(-1, 1, (BATCH, UNITS[0])) * one) / one
                labels = random.randint(0, UNITS[-1], BATCH)
                tensors = ("input", "master", "weight", "accumulator", "activation", "error", "gradient")
                case = {"units": UNITS, "activation": hidden, "output_activation": output, "leak": LEAK, "bias": True,
                        "formats": {tensor: form for tensor in tensors}, "lr": 0, "batch": BATCH, "rounding_seed": 0,
                        "weights": [w.astype(int).ravel().tolist() for w in integers], "samples": x.tolist(),
                        "labels": labels.tolist(), "iterations": BATCH}
                case["formats"]["accumulator"] = {**form, "fraction": 0}
                weights = [np.column_stack([w / one, np.zeros(len(w))]) for w in integers]
                target = np.eye(UNITS[-1])[labels]
                bounds = tolerance(weights, kinds, x, target, 0.5 / one)
                if bounds is None:
                    continue  # a sum is too near to 0 for that few bits
                cases.append(case)
                networks.append((fraction, weights, x, target, bounds))
        assert len(cases) > SEEDS * len(FRACTIONS) / 2, f"{hidden}: only {len(cases)} networks"
        worst, spoilt = dict.fromkeys(FRACTIONS, 0.0), 0.0
        for (fraction, weights, x, target, bounds), changed in zip(networks, updates(sys.argv[1], cases)):
            expected, _ = descent(weights, kinds, x, target)
            transposed, _ = descent(weights, kinds, x, target, lambda w: w.T if w.shape[0] == w.shape[1] else w)
            if fraction == FRACTIONS[-1]:
                check_descent(weights, kinds, x, target, expected)
            for layer, bound in enumerate(bounds):
                error = np.abs(changed[layer] / 2.0**fraction - expected[layer])
                if (error > bound + BINARY64).any():
                    sys.exit(f"{hidden}, {output}, {fraction} bits, layer {layer + 1}: updates are off by\n{error}\n"
                             f"with a tolerance of\n{bound}")
                worst[fraction] = max(worst[fraction], (error / bound).max())
            spoilt = max(spoilt, np.abs(transposed[0] - expected[0]).max() / bounds[0].max())
        assert spoilt > 1000, "a transposed weight would have passed"
        print(f"{hidden}, {output}: {len(cases)} networks; the largest part of the tolerance needed: "
              + ", ".join(f"{fraction} bits {part:.2f}" for fraction, part in worst.items()))


if __name__ == "__main__":
    main()
