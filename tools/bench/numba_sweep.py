#!/usr/bin/env python3
"""The MNIST study in Numba-CUDA, as one writes it first: a block for each neuron, dense inputs, 64-bit integers.

    numba_sweep.py MNIST_DIRECTORY GOLDEN.csv

Prints `numba on DEVICE: SECONDS s, N cells off`: the median of five runs after one that compiles and is compared with
the golden table. Exit status: 0 all cells agree, 1 some do not.
"""
import sys

import numpy as np
from numba import cuda, int64

import study

INPUTS = 784
THREADS = 128


@cuda.jit
def train(x, labels, initial, lrs, fractions, activations, updates, dropped):
    """Block (cell, neuron). x [fraction][iterations][inputs], activations [cells][10][iterations]."""
    cell, j, thread = cuda.blockIdx.x, cuda.blockIdx.y, cuda.threadIdx.x
    w = cuda.shared.array(INPUTS, int64)
    partial = cuda.shared.array(THREADS, int64)
    lr, fraction = lrs[cell], fractions[cell]
    xf = x[fraction - 8]
    for k in range(thread, INPUTS, THREADS):
        w[k] = initial[j, k]
    sum_update = int64(0)
    sum_dropped = int64(0)
    cuda.syncthreads()
    for i in range(labels.shape[0]):
        z = int64(0)
        for k in range(thread, INPUTS, THREADS):
            z += w[k] * xf[i, k]
        partial[thread] = z
        cuda.syncthreads()
        half = THREADS // 2
        while half > 0:
            if thread < half:
                partial[thread] += partial[thread + half]
            cuda.syncthreads()
            half //= 2
        z = partial[0]
        a = (z if z > 0 else int64(0)) >> fraction
        if thread == 0:
            activations[cell, j, i] = a
        if (z >> fraction) > 0:
            target = int64(1) << fraction if labels[i] == j else int64(0)
            d = target - a
            for k in range(thread, INPUTS, THREADS):
                u = (d * xf[i, k]) >> fraction
                shifted = u >> lr
                w[k] += shifted
                sum_update += abs(u)
                sum_dropped += u - (shifted << lr)
        cuda.syncthreads()
    cuda.atomic.add(updates, cell, sum_update)
    cuda.atomic.add(dropped, cell, sum_dropped)


def main():
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    inputs, labels, weights = study.load(sys.argv[1])
    x = cuda.to_device(study.fixed_point(inputs))
    device_labels, initial = cuda.to_device(labels), cuda.to_device(weights)
    lrs = cuda.to_device(np.array([lr for lr, _ in study.CELLS], np.int64))
    fractions = cuda.to_device(np.array([fraction for _, fraction in study.CELLS], np.int64))
    activations = cuda.device_array((240, 10, study.ITERATIONS), np.int64)

    def run():
        updates = cuda.to_device(np.zeros(240, np.int64))
        dropped = cuda.to_device(np.zeros(240, np.int64))
        train[(240, 10), THREADS](x, device_labels, initial, lrs, fractions, activations, updates, dropped)
        cuda.synchronize()
        return updates, dropped

    def checked():
        updates, dropped = run()
        right = activations.copy_to_host().astype(np.float64).argmax(axis=1) == labels
        return right, updates.copy_to_host(), dropped.copy_to_host()

    first = [checked]  # what is timed leaves the activations on the device
    name = cuda.get_current_device().name  # bytes or text, by release
    name = name.decode() if isinstance(name, bytes) else name
    return study.report(f"numba on {name}", lambda: first.pop()() if first else run(), sys.argv[2])


if __name__ == "__main__":
    sys.exit(main())
