"""Counter-based random numbers: the draw of (seed, stream, person, day, slot) is a pure function of these.

Belongs here: the generator and its uniform and normal deviates. Does not: what a stream is used for.

No state is carried from draw to draw, so a person is bit-identical whatever the batch size, the order of batches or
the number of processes; a longer horizon leaves all earlier days as they were; and a changed setting that uses one
stream disturbs no other. The generator is Philox 4x64 with 10 rounds (Salmon et al., "Parallel random numbers: as easy
as 1, 2, 3", SC 2011), bit for bit the one of `numpy.random.Philox`.

    key     = (seed, stream)
    counter = (block, day, person, 0)        one block makes four 64-bit words
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from migraine_platform.simulator.normal import normal_quantile

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Stream(IntEnum):
    """What a draw is for. A number, once used, keeps its meaning."""

    CLASSES = 1
    PROFILE = 2
    PERSON = 3
    EXOGENOUS = 4
    DIARY = 5
    SITE = 6
    ATTACK = 7
    WEARABLE_PERSON = 8
    WEARABLE = 9
    ADHERENCE = 10
    RECORDING = 11


M0 = np.uint64(0xD2E7470EE14C6C93)
M1 = np.uint64(0xCA5A826395121157)
W0 = np.uint64(0x9E3779B97F4A7C15)
W1 = np.uint64(0xBB67AE8584CAA73B)
LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)
MANTISSA = np.uint64(11)
UNIT = 2.0**-53


@njit(cache=True, inline="always")
def _high_product(a: np.uint64, b: np.uint64) -> np.uint64:
    """Upper 64 bits of a 64 x 64-bit product."""
    a_low, a_high = a & LOW, a >> HALF
    b_low, b_high = b & LOW, b >> HALF
    low = a_low * b_low
    middle = a_high * b_low + (low >> HALF)
    other = a_low * b_high + (middle & LOW)
    return a_high * b_high + (middle >> HALF) + (other >> HALF)


@njit(cache=True)
def philox(
    seed: np.uint64, stream: np.uint64, person: np.uint64, day: np.uint64, block: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    """Four random 64-bit words."""
    c0, c1, c2, c3 = block, day, person, np.uint64(0)
    k0, k1 = seed, stream
    for _ in range(10):
        high0, low0 = _high_product(M0, c0), M0 * c0
        high1, low1 = _high_product(M1, c2), M1 * c2
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = k0 + W0, k1 + W1
    return c0, c1, c2, c3


@njit(cache=True, inline="always")
def words_at(seed: int, stream: int, person: int, day: int, block: int) -> tuple[np.uint64, ...]:
    """`philox` of plain integers."""
    return philox(np.uint64(seed), np.uint64(stream), np.uint64(person), np.uint64(day), np.uint64(block))


@njit(cache=True, inline="always")
def unit(word: np.uint64) -> float:
    """A word as a number in (0, 1), never at either end."""
    return (float(word >> MANTISSA) + 0.5) * UNIT


@njit(cache=True)
def uniforms(seed: int, stream: int, persons: NDArray[np.int64], days: int, slots: int) -> NDArray[np.float64]:
    """Uniform deviates in (0, 1): [persons, days, slots]; day d of a person is the same for every `days` > d."""
    out = np.empty((len(persons), days, slots))
    for i in range(len(persons)):
        for day in range(days):
            for block in range((slots + 3) // 4):
                words = words_at(seed, stream, persons[i], day, block)
                for k in range(min(4, slots - 4 * block)):
                    out[i, day, 4 * block + k] = unit(words[k])
    return out


@njit(cache=True)
def normals(seed: int, stream: int, persons: NDArray[np.int64], days: int, slots: int) -> NDArray[np.float64]:
    """Standard normal deviates, one from each uniform: [persons, days, slots]."""
    out = uniforms(seed, stream, persons, days, slots)
    flat = out.ravel()
    for i in range(flat.size):
        flat[i] = normal_quantile(flat[i])
    return out


@njit(cache=True)
def lookup(z: NDArray[np.float64], limit: float, table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Linear interpolation of a table over equally spaced points of [-limit, limit]; the ends continue flat."""
    out = np.empty(z.size)
    flat = z.ravel()
    scale = (len(table) - 1) / (2.0 * limit)
    for i in range(flat.size):
        position = (flat[i] + limit) * scale
        position = min(max(position, 0.0), len(table) - 1.000001)
        left = int(position)
        share = position - left
        out[i] = table[left] + share * (table[left + 1] - table[left])
    return out.reshape(z.shape)
