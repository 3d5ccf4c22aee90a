"""Signals that are useless or wrong in one way each, made from one that runs ahead of demand."""

import numpy as np

from forecasting.demand import Floats

DAY = 1440


def shuffled(signal: Floats, rng: np.random.Generator) -> Floats:
    """Return the days in parts of 2 h, in random order."""
    parts = np.array_split(signal, len(signal) // 120)
    return np.concatenate([parts[at] for at in rng.permutation(len(parts))])


def late(signal: Floats, rng: np.random.Generator) -> Floats:
    """Return the signal some 20 to 90 min late, when demand is over."""
    return np.roll(signal, int(rng.integers(20, 90)))


def inverted(signal: Floats, rng: np.random.Generator) -> Floats:
    """Return a signal that is high while demand is low."""
    return signal.max() - signal


def constant(signal: Floats, rng: np.random.Generator) -> Floats:
    """Return a signal that is stuck at one of its values."""
    return np.full_like(signal, 1 + rng.choice(signal))


def unknown(signal: Floats, rng: np.random.Generator) -> Floats:
    """Return a signal that is never known."""
    return np.full_like(signal, np.nan)


def zero(signal: Floats, rng: np.random.Generator) -> Floats:
    """Return a signal that is zero."""
    return np.zeros_like(signal)


def spiky(signal: Floats, rng: np.random.Generator) -> Floats:
    """Return spikes at random minutes, up to 1,000 times as high as the signal."""
    return np.where(rng.random(len(signal)) < 0.01, 10 ** rng.uniform(0, 3, len(signal)) * signal.max(), 0).astype(np.float32)


def gappy(signal: Floats, rng: np.random.Generator) -> Floats:
    """Return the shuffled signal, with a third of its hours unknown."""
    hours = np.repeat(rng.random(len(signal) // 60 + 1) < 1 / 3, 60)[: len(signal)]
    return np.where(hours, np.float32(np.nan), shuffled(signal, rng))


LIES = (shuffled, late, inverted, constant, unknown, zero, spiky, gappy)
