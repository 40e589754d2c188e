"""Part 10 of docs/arithmetic.md in NumPy's binary64: nothing of gridrun's.

    network = FloatNetwork(layers=[4, 3, 2], weights=[...], lr=5, ...)
    for each batch of samples: network.train(batch)
    network.label_of(inputs)                # held out

Sums are over arrays of units or of weights, each element in the order of the definition.
"""
import numpy as np


def initial_weights(layers, normals, unit, mean, std, fraction):
    """[layer][unit][input], of one normal each."""
    normals, weights = iter(normals), []
    for inputs, units in zip(layers, layers[1:]):
        layer = np.array([[mean + std * next(normals) for _ in range(inputs)] for _ in range(units)])
        weights.append((layer * 2.0**-fraction if unit == "lsb" else layer) + 0.0)
    return weights


def first_largest(a):
    """What is not a number is never larger."""
    best = 0
    for j in range(1, len(a)):
        if a[j] > a[best]:
            best = j
    return best


class FloatNetwork:
    def __init__(self, layers, weights, lr, activation="relu", output_activation=None, leak=6, bias=False):
        self.bias, self.rate, self.slope = bias, 2.0**-lr, 2.0**-leak
        self.activations = [activation] * (len(layers) - 2) + [output_activation or activation]
        self.w = [np.column_stack([w, np.zeros(len(w))]) if bias else w.copy() for w in weights]

    def passed(self, kind, z, values):
        """`values` where z lets them pass whole; else what is left of them."""
        if kind == "linear":
            return values
        return np.where(z > 0, values, 0.0 if kind == "relu" else values * self.slope)

    def forward(self, x):
        """Inputs and sums of each layer, and the last activations."""
        inputs, sums, a = [], [], np.array(x, dtype=float)
        for w, kind in zip(self.w, self.activations):
            a = np.append(a, 1.0) if self.bias else a
            z = np.zeros(len(w))
            for k in np.flatnonzero(a):
                z = z + w[:, k] * a[k]
            inputs.append(a)
            sums.append(z)
            a = self.passed(kind, z, z)
        return inputs, sums, a

    def label_of(self, x):
        return first_largest(self.forward(x)[2])

    def train(self, batch):
        """Trains on (inputs, label) pairs; returns whether each was right."""
        right, products = [], [np.zeros_like(w) for w in self.w]
        for x, label in batch:
            inputs, sums, a = self.forward(x)
            right.append(first_largest(a) == label)
            e = np.where(np.arange(len(a)) == label, 1.0, 0.0) - a
            for layer in reversed(range(len(self.w))):
                d = self.passed(self.activations[layer], sums[layer], e)
                counts = np.outer(d != 0, inputs[layer] != 0)
                products[layer] = np.where(counts, products[layer] + np.outer(d, inputs[layer]), products[layer])
                e = np.zeros(len(inputs[layer]) - self.bias)
                for j in np.flatnonzero(d):
                    e = e + self.w[layer][j, :len(e)] * d[j]
        for w, product in zip(self.w, products):
            w += self.rate * product
        return right

    def digest(self):
        """8.5, of the bits of the weights."""
        total, place = 0, 0
        for w in self.w:
            w = np.where(np.isnan(w), np.nan, w)  # one pattern
            for word in w.T.ravel().view(np.uint64).tolist():
                place += 1
                x = (word + place * 0x9E3779B97F4A7C15) % 2**64
                for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
                    x = (x ^ x >> 33) * factor % 2**64
                total += x ^ x >> 33
        return f"{total % 2**64:016x}"
