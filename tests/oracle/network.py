"""The arithmetic of docs/arithmetic.md in Python's own integers: slow, obvious, and nothing of gridrun's.

    network = Network(layers=[4, 3, 2], formats={...}, ...)
    for each batch of samples: network.train(batch)
    network.label_of(inputs)                # held out

Formats are dictionaries with bits, fraction, round, overflow, random_bits. Reals are Python floats, binary64.
"""
import math
from fractions import Fraction

import numpy as np

PHILOX_KEY = 0x67726964
ACTIVATION, ERROR, GRADIENT, MASTER = 1, 2, 3, 4  # tensors that round at random


# ------------------------------------------------------------------------------------------------ part 3: fit

def wrap(value, bits=64):
    """The low bits, sign-extended."""
    return (value + (1 << (bits - 1))) % (1 << bits) - (1 << (bits - 1))


def overflowed(value, bits, overflow):
    largest = (1 << (bits - 1)) - 1
    if overflow == "wrap":
        return wrap(value, bits)
    smallest = -largest if overflow == "saturate_symmetric" else -largest - 1
    return max(smallest, min(largest, value))


def rounded(value, n, mode, random=0):
    """value / 2^n rounded, n > 0; `random` is R."""
    if mode == "stochastic":
        return (value + random) >> n
    x = Fraction(value, 1 << n)
    below = math.floor(x)
    rest = x - below
    if mode == "floor":
        return below
    if mode == "toward_zero":
        return math.trunc(x)
    if rest == Fraction(1, 2):
        return below + {"nearest_up": 1, "nearest_down": 0, "nearest_even": below % 2, "nearest_away": int(x > 0)}[mode]
    return below + (rest > Fraction(1, 2))


def fit(value, scale, form, draw=None, seen=None):
    """`draw(n)` gives R of an n-bit stochastic rounding. `seen` is a list that the value is added to before it overflows."""
    n = scale - form["fraction"]
    if n > 0:
        random = draw(n) if form["round"] == "stochastic" else 0
        value = rounded(value, n, form["round"], random)
    else:
        value <<= -n
    if seen is not None:
        seen.append(value)
    return overflowed(value, form["bits"], form["overflow"])


def width(value, overflow):
    """Bits of the shortest word that holds a value."""
    bits = 1
    while not -(1 << (bits - 1)) + (overflow == "saturate_symmetric") <= value < 1 << (bits - 1):
        bits += 1
    return bits


# ------------------------------------------------------------------------------------------------ part 7: random bits

def philox(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        high_0, low_0 = divmod(0xD2511F53 * c[0], 1 << 32)
        high_1, low_1 = divmod(0xCD9E8D57 * c[2], 1 << 32)
        c = [high_1 ^ c[1] ^ k[0], low_1, high_0 ^ c[3] ^ k[1], low_0]
        k = [(k[0] + 0x9E3779B9) % (1 << 32), (k[1] + 0xBB67AE85) % (1 << 32)]
    return c


def drawn(seed, tensor, layer, t, element, random_bits):
    """A function that gives R of n bits; layer counts from 0."""
    def draw(n):
        word = philox((element // 4, t, layer, tensor), (seed, PHILOX_KEY))[element % 4]
        top = word >> (32 - random_bits)
        return top << (n - random_bits) if n >= random_bits else top >> (random_bits - n)

    return draw


def half(n):
    """R in the held-out pass."""
    return 1 << (n - 1)


# ------------------------------------------------------------------------------------------------ parts 4 to 6

def one(form):
    return overflowed(1 << form["fraction"], form["bits"], form["overflow"])


class Diagnostics:
    """Of one layer, part 8.7: every value that there was, before it overflowed, and what became of the updates."""

    def __init__(self, tensors):
        self.seen = {tensor: [] for tensor in tensors}
        self.ones = {tensor: [] for tensor in tensors}  # they have bits, and do not count as overflowed
        self.updates, self.steps, self.products = [], [], []  # u and its step, P
        self.active = []  # of each sample, whether any unit was

    def counted(self, formats):
        def counts(tensor):
            bits, overflow = formats[tensor]["bits"], formats[tensor]["overflow"]
            seen, ones = self.seen[tensor], self.ones[tensor]
            return {"overflowed": sum(overflowed(value, bits, overflow) != value for value in seen),
                    "bits": max([width(value, overflow) for value in seen + ones], default=1)}

        in_a_row = 0
        while in_a_row < len(self.active) and not self.active[-1 - in_a_row]:
            in_a_row += 1
        moved = [(u, step) for u, step in zip(self.updates, self.steps) if u != 0]
        return {"tensors": [counts(tensor) for tensor in self.seen], "updates": len(moved),
                "lost": sum(step == 0 for _, step in moved), "inactive": self.active.count(False), "last_inactive": in_a_row,
                "step": str(sum(self.steps)), "product": str(sum(self.products))}


class Network:
    """layers: units of each layer, inputs first. formats: by tensor. weights [layer][unit][input], at the start, without
    biases: integers that overflow into the format master."""

    def __init__(self, layers, formats, weights, lr, activation="relu", output_activation=None, leak=6, bias=False, seed=0):
        self.formats, self.lr, self.leak, self.bias, self.seed = formats, lr, leak, bias, seed
        self.activations = [activation] * (len(layers) - 2) + [output_activation or activation]
        self.diagnostics = [Diagnostics(formats) for _ in weights]
        for layer, diagnostics in zip(weights, self.diagnostics):
            diagnostics.seen["master"] += [w for unit in layer for w in unit]
        master = formats["master"]
        self.w = [[[overflowed(w, master["bits"], master["overflow"]) for w in unit] + [0] * bias for unit in layer]
                  for layer in weights]
        self.has_copies = formats["weight"] != master
        for layer, units in enumerate(self.w if self.has_copies else []):
            for unit in units:
                self.copied(unit, layer)
        self.sum_update, self.sum_dropped = [0] * len(self.w), [0] * len(self.w)
        self.step = self.batch = 0

    def quantised(self, real, seen=None):
        form = self.formats["input"]
        return fit(round(Fraction(real) * 2 ** form["fraction"]), form["fraction"], form, seen=seen)  # half to even

    def copied(self, words, layer):
        """Some weights in the format `weight`, counted."""
        return [fit(w, self.formats["master"]["fraction"], self.formats["weight"],
                    seen=self.diagnostics[layer].seen["weight"]) for w in words]

    def product_weights(self, layer):
        """The weights in the format `weight`."""
        master, weight = self.formats["master"], self.formats["weight"]
        return [[fit(w, master["fraction"], weight) for w in unit] for unit in self.w[layer]]

    def accumulated(self, total, seen):
        form = self.formats["accumulator"]
        return fit(wrap(total), form["fraction"], form, seen=seen)

    def inputs_of(self, layer, below):
        return below + [one(self.formats["input" if layer == 0 else "activation"])] * self.bias

    def forward(self, reals, random, seen):
        """Inputs, activations and sums of each layer. random(layer, unit) is a draw, seen(layer) lists by tensor."""
        a, inputs, sums = [self.quantised(real, seen(0)["input"]) for real in reals], [], []
        for layer, kind in enumerate(self.activations):
            x = self.inputs_of(layer, a)
            scale = self.formats["weight"]["fraction"] + self.formats["input" if layer == 0 else "activation"]["fraction"]
            z = [self.accumulated(sum(v * k for v, k in zip(unit, x)), seen(layer)["accumulator"])
                 for unit in self.product_weights(layer)]
            a = []
            for unit, value in enumerate(z):
                if kind == "relu":
                    value = max(value, 0)
                more = self.leak if kind == "leaky_relu" and value <= 0 else 0
                a.append(fit(value, scale + more, self.formats["activation"], random(layer, unit),
                             seen(layer)["activation"]))
            inputs.append(x)
            sums.append(z)
        return inputs, a, sums

    def label(self, a):
        return int(np.argmax([float(value) for value in a]))

    def label_of(self, reals):
        """In the held-out pass."""
        uncounted = dict.fromkeys(self.formats)
        return self.label(self.forward(reals, lambda layer, unit: half, lambda layer: uncounted)[1])

    def backward(self, inputs, outputs, sums, label):
        """The errors d of each layer."""
        d = [None] * len(self.w)
        for layer in reversed(range(len(self.w))):
            kind, form, seen = self.activations[layer], self.formats["error"], self.diagnostics[layer].seen
            is_last = layer == len(self.w) - 1
            a = outputs if is_last else inputs[layer + 1][:len(self.w[layer])]
            passes_whole = {"relu": [value > 0 for value in a], "linear": [True] * len(a),
                            "leaky_relu": [z > 0 for z in sums[layer]]}[kind]
            self.diagnostics[layer].active.append(any(passes_whole))
            d[layer] = [0] * len(a)
            for unit, whole in enumerate(passes_whole):
                if kind == "relu" and not whole:
                    continue
                if is_last:
                    scale = self.formats["activation"]["fraction"]
                    error = wrap((one(self.formats["activation"]) if unit == label else 0) - a[unit])
                else:
                    scale = self.formats["weight"]["fraction"] + form["fraction"]
                    above = self.product_weights(layer + 1)
                    error = self.accumulated(sum(above[j][unit] * d[layer + 1][j] for j in range(len(above))),
                                             seen["accumulator"])
                more = 0 if whole else self.leak
                draw = drawn(self.seed, ERROR, layer, self.step, unit, form.get("random_bits", 32))
                d[layer][unit] = fit(error, scale + more, form, draw, seen["error"])
        return d

    def train(self, batch):
        """Trains on (reals, label) pairs; returns whether each was right."""
        right, products = [], [[[0] * len(unit) for unit in layer] for layer in self.w]
        for reals, label in batch:
            bits = self.formats["activation"].get("random_bits", 32)
            inputs, outputs, sums = self.forward(
                reals, lambda layer, unit: drawn(self.seed, ACTIVATION, layer, self.step, unit, bits),
                lambda layer: self.diagnostics[layer].seen)
            self.count_ones()
            right.append(self.label(outputs) == label)
            d = self.backward(inputs, outputs, sums, label)
            for layer, units in enumerate(products):
                for j, row in enumerate(units):
                    for k in range(len(row)):
                        row[k] = wrap(row[k] + d[layer][j] * inputs[layer][k])
            self.step += 1
        self.update(products)
        self.batch += 1
        return right

    def update(self, products):
        error, gradient, master = (self.formats[tensor] for tensor in ("error", "gradient", "master"))
        n = gradient["fraction"] + self.lr - master["fraction"]
        for layer, units in enumerate(products):
            scale = error["fraction"] + self.formats["input" if layer == 0 else "activation"]["fraction"]
            diagnostics = self.diagnostics[layer]
            for j, row in enumerate(units):
                for k, product in enumerate(row):
                    element = k * len(units) + j
                    draw = drawn(self.seed, GRADIENT, layer, self.batch, element, gradient.get("random_bits", 32))
                    u = fit(product, scale, gradient, draw, diagnostics.seen["gradient"])
                    self.sum_update[layer] += abs(u)
                    self.sum_dropped[layer] += u - (u >> n << n) if n > 0 else 0
                    if n > 0:
                        draw = drawn(self.seed, MASTER, layer, self.batch, element, master.get("random_bits", 32))
                        step = rounded(u, n, master["round"], draw(n) if master["round"] == "stochastic" else 0)
                    else:
                        step = wrap(u << -n)
                    self.w[layer][j][k] = fit(wrap(self.w[layer][j][k] + step), master["fraction"], master,
                                              seen=diagnostics.seen["master"])
                    diagnostics.updates.append(u)
                    diagnostics.steps.append(step)
                    diagnostics.products.append(product)
                    if self.has_copies and u != 0:
                        self.copied([self.w[layer][j][k]], layer)

    def count_ones(self):
        """Of the target, and of the inputs of the biases."""
        for layer, diagnostics in enumerate(self.diagnostics):
            is_last = layer == len(self.diagnostics) - 1
            for tensor, there_is_one in [("input", self.bias and layer == 0), ("activation", self.bias or is_last)]:
                if there_is_one:
                    diagnostics.ones[tensor].append(1 << self.formats[tensor]["fraction"])
