#!/usr/bin/env python3
"""The MNIST study in JAX: vmap over cells, scan over steps, 64-bit integers. A rival to time gridrun against.

    jax_sweep.py MNIST_DIRECTORY GOLDEN.csv

Prints `jax on DEVICE: SECONDS s, N cells off`: the median of five runs after one that compiles and is compared with
the golden table. Exit status: 0 all cells agree, 1 some do not.
"""
import sys

import jax
import jax.numpy as jnp
import numpy as np

import study

jax.config.update("jax_enable_x64", True)


def train_cell(lr, fraction, x, labels, weights):
    """One network: x [iterations][inputs] at scale 2^-fraction. Returns right [iterations] and two sums."""

    def step(state, sample):
        w, updates, dropped = state
        xi, label = sample
        z = w @ xi
        a = jnp.where(z > 0, z, 0) >> fraction
        target = jnp.where(jnp.arange(w.shape[0]) == label, jnp.int64(1) << fraction, 0)
        d = jnp.where((z >> fraction) > 0, target - a, 0)
        u = (d[:, None] * xi[None, :]) >> fraction
        shifted = u >> lr
        right = jnp.argmax(a.astype(jnp.float64)) == label
        return (w + shifted, updates + jnp.abs(u).sum(), dropped + (u - (shifted << lr)).sum()), right

    zero = jnp.int64(0)
    (_, updates, dropped), right = jax.lax.scan(step, (weights, zero, zero), (x, labels))
    return right, updates, dropped


def main():
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    inputs, labels, weights = study.load(sys.argv[1])
    x = jnp.asarray(study.fixed_point(inputs))
    labels, weights = jnp.asarray(labels), jnp.asarray(weights)
    lrs = jnp.asarray(list(study.LR), jnp.int64)
    fractions = jnp.asarray(list(study.FRACTION), jnp.int64)

    of_fractions = jax.vmap(train_cell, in_axes=(None, 0, 0, None, None))
    of_cells = jax.jit(jax.vmap(of_fractions, in_axes=(0, None, None, None, None)))

    def run():
        right, updates, dropped = jax.block_until_ready(of_cells(lrs, fractions, x, labels, weights))
        return np.asarray(right).reshape(240, -1), np.asarray(updates).ravel(), np.asarray(dropped).ravel()

    return study.report(f"jax on {jax.devices()[0].device_kind}", run, sys.argv[2])


if __name__ == "__main__":
    sys.exit(main())
