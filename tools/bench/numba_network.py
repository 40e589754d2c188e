"""Networks of any layers in Numba, as a good researcher writes them: the cores share the networks, each of which is trained
step by step with 64-bit integers.

One format for all tensors but the 64-bit accumulator, relu, no biases; docs/arithmetic.md defines what is computed. What
spares work without changing a bit is done: inputs are quantised once for all networks of one fraction; inputs and
activations of 0 are left out by lists of the others, and so are units without an error; rounding, overflow and the word's
width are constants to the compiler; random bits are drawn only where they are used.
"""
import numba
import numpy as np

ACTIVATION, ERROR, GRADIENT, MASTER = 1, 2, 3, 4  # tensors that round at random
HALF_WORD = np.uint64(32)
LOW = np.uint64(0xFFFFFFFF)
NO_WORDS = (np.int64(0), np.int64(0), np.int64(0), np.int64(0))


# ------------------------------------------------------------------------------------------ rounding and overflow

@numba.njit(inline="always")
def floor(value, n, random):
    return value >> n


@numba.njit(inline="always")
def nearest_even(value, n, random):
    """Adds just less than a half, and what is missing to it where the bit above is odd."""
    return (value + ((np.int64(1) << (n - 1)) - 1) + ((value >> n) & 1)) >> n if n > 0 else value


@numba.njit(inline="always")
def stochastic(value, n, random):
    """`random` is 32 bits."""
    return (value + (random >> (32 - n))) >> n


def wrap(bits):
    @numba.njit(inline="always")
    def wrapped(value):
        return (value << (64 - bits)) >> (64 - bits)

    return wrapped


def saturate(bits):
    largest = 2 ** (bits - 1) - 1

    @numba.njit(inline="always")
    def saturated(value):
        return min(max(value, -largest - 1), largest)

    return saturated


ROUNDS = {"floor": floor, "nearest_even": nearest_even, "stochastic": stochastic}
OVERFLOWS = {"wrap": wrap, "saturate": saturate}


@numba.njit
def philox(block, t, layer, tensor, seed):
    """The four words of a block: Philox4x32-10."""
    c0, c1, c2, c3 = np.uint64(block), np.uint64(t), np.uint64(layer), np.uint64(tensor)
    k0, k1 = np.uint64(seed), np.uint64(0x67726964)
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c0, np.uint64(0xCD9E8D57) * c2
        c0, c1, c2, c3 = (p1 >> HALF_WORD) ^ c1 ^ k0, p1 & LOW, (p0 >> HALF_WORD) ^ c3 ^ k1, p0 & LOW
        k0, k1 = (k0 + np.uint64(0x9E3779B9)) & LOW, (k1 + np.uint64(0xBB67AE85)) & LOW
    return np.int64(c0), np.int64(c1), np.int64(c2), np.int64(c3)


# ------------------------------------------------------------------------------------------ one network

def compiled(bits, rounding, overflow):
    """A function that trains all networks of words of `bits` bits."""
    rounded, overflowed, random = ROUNDS[rounding], OVERFLOWS[overflow](bits), rounding == "stochastic"

    @numba.njit
    def word(element, t, layer, tensor, seed):
        return philox(element // 4, t, layer, tensor, seed)[element % 4] if random else np.int64(0)

    @numba.njit
    def forward(w, used, x, a, fraction, t, layer, seed):
        """a [unit] of the inputs x at the places `used`; returns how many are not 0."""
        for j in range(len(a)):
            z = np.int64(0)
            for n in range(len(used)):
                z += w[j, used[n]] * x[n]
            a[j] = overflowed(rounded(z, fraction, word(j, t, layer, ACTIVATION, seed))) if z > 0 else 0

    @numba.njit
    def errors_below(w, failed, d, a, below, fraction, t, layer, seed):
        """The errors `below` of the units whose activations are a, from those d above at the places `failed`."""
        below[:] = 0
        for j in failed:
            for k in range(len(a)):
                below[k] += w[j, k] * d[j]
        for k in range(len(a)):
            e = overflowed(rounded(below[k], fraction, word(k, t, layer, ERROR, seed)))
            below[k] = e if a[k] > 0 else 0

    @numba.njit(inline="always")
    def stepped(w, j, k, product, fraction, lr, for_u, for_step):
        u = overflowed(rounded(product, fraction, for_u))
        w[j, k] = overflowed(w[j, k] + rounded(u, lr, for_step))
        return abs(u), u & ((np.int64(1) << lr) - 1)

    @numba.njit
    def update(w, used, x, failed, d, fraction, lr, t, layer, seed, sums):
        """The step of one sample."""
        units = len(d)
        updates, dropped = np.int64(0), np.int64(0)
        if random:
            for n in range(len(used)):
                block, for_u, for_step = np.int64(-1), NO_WORDS, NO_WORDS
                for j in failed:
                    element = used[n] * units + j
                    if element // 4 != block:
                        block = element // 4
                        for_u = philox(block, t, layer, GRADIENT, seed)
                        for_step = philox(block, t, layer, MASTER, seed)
                    size, rest = stepped(w, j, used[n], d[j] * x[n], fraction, lr, for_u[element % 4], for_step[element % 4])
                    updates += size
                    dropped += rest
        else:
            for j in failed:
                for n in range(len(used)):
                    size, rest = stepped(w, j, used[n], d[j] * x[n], fraction, lr, 0, 0)
                    updates += size
                    dropped += rest
        sums[0] += updates
        sums[1] += dropped

    @numba.njit
    def update_batch(w, products, fraction, lr, t, layer, seed, sums):
        """The step of a batch, whose products are summed; clears them."""
        units, inputs = w.shape
        updates, dropped = np.int64(0), np.int64(0)
        for j in range(units):
            for k in range(inputs):
                for_u, for_step = word(k * units + j, t, layer, GRADIENT, seed), word(k * units + j, t, layer, MASTER, seed)
                size, rest = stepped(w, j, k, products[j, k], fraction, lr, for_u, for_step)
                updates += size
                dropped += rest
                products[j, k] = 0
        sums[0] += updates
        sums[1] += dropped

    @numba.njit
    def train(units, flat, begin, index, value, labels, batch, lr, fraction, seed, right, sums):
        layers = len(units) - 1
        one = overflowed(np.int64(1) << fraction)
        weights, products, first = [], [], 0
        for n in range(layers):
            size = units[n + 1] * units[n]
            weights.append(flat[first:first + size].reshape(units[n + 1], units[n]))
            products.append(np.zeros((units[n + 1], units[n]) if batch > 1 else (0, 0), np.int64))
            first += size
        a = [np.zeros(width, np.int64) for width in units[1:]]
        d = [np.zeros(width, np.int64) for width in units[1:]]
        for i in range(len(labels)):
            used = [index[begin[i]:begin[i + 1]]]
            x = [value[begin[i]:begin[i + 1]]]
            for n in range(layers):
                forward(weights[n], used[n], x[n], a[n], fraction, i, n, seed)
                used.append(np.flatnonzero(a[n]))
                x.append(a[n][used[n + 1]])
            best, winner = -np.inf, 0
            for j in range(units[layers]):
                activation = a[layers - 1][j]
                if float(activation) > best:
                    best, winner = float(activation), j
                target = one if j == labels[i] else np.int64(0)
                d[layers - 1][j] = overflowed(target - activation) if activation > 0 else 0
            right[i] = winner == labels[i]
            for n in range(layers - 1, -1, -1):
                failed = np.flatnonzero(d[n])
                if n > 0:
                    errors_below(weights[n], failed, d[n], a[n - 1], d[n - 1], fraction, i, n - 1, seed)
                if batch == 1:
                    update(weights[n], used[n], x[n], failed, d[n], fraction, lr, i, n, seed, sums)
                else:
                    for j in failed:
                        for m in range(len(used[n])):
                            products[n][j, used[n][m]] += d[n][j] * x[n][m]
            if batch > 1 and (i + 1) % batch == 0:
                for n in range(layers):
                    update_batch(weights[n], products[n], fraction, lr, i // batch, n, seed, sums)

    @numba.njit(parallel=True)
    def train_all(units, initial, begin, index, values, value_of, labels, batch, lr, fraction, seed, right, sums):
        for n in numba.prange(len(lr)):
            train(units, initial[value_of[n]].copy(), begin, index, values[value_of[n]], labels, batch, lr[n], fraction[n],
                  seed, right[n], sums[n])

    return train_all


def prepare(sweep):
    """Compiles; returns a function that trains: right [network][step], sum of |u| and sum of what the learning rate dropped,
    [network]."""
    fractions = np.unique(sweep.fraction)
    value_of = np.searchsorted(fractions, sweep.fraction)
    used = [np.flatnonzero(sample) for sample in sweep.inputs]
    begin = np.concatenate([[0], np.cumsum([len(k) for k in used])])
    index = np.concatenate(used)
    reals = sweep.inputs[sweep.inputs != 0]
    values = np.stack([sweep.quantised(reals, fraction) for fraction in fractions])
    initial = np.stack([np.concatenate([w.ravel() for w in sweep.initial_weights(fraction)]) for fraction in fractions])
    units = np.array(sweep.layers)
    train_all = compiled(sweep.bits, sweep.rounding, sweep.overflow)

    def train(steps=sweep.iterations):
        right, sums = np.zeros((len(sweep.lr), steps), bool), np.zeros((len(sweep.lr), 2), np.int64)
        train_all(units, initial, begin, index, values, value_of, sweep.labels[:steps], sweep.batch, sweep.lr, sweep.fraction,
                  sweep.seed, right, sums)
        return right, sums[:, 0], sums[:, 1]

    train(sweep.batch)  # compiles
    return train
