"""Counter-based random numbers: the draw of (seed, stream, person, day, slot) is a pure function of these.

Belongs here: the generator and its uniform and normal deviates. Does not: what a stream is used for.

No state is carried from draw to draw, so a person is bit-identical whatever the batch size, the order of batches or
the number of processes; a longer horizon leaves all earlier days as they were; and a changed setting that uses one
stream disturbs no other. The generator is Philox 4x64 with 10 rounds (Salmon et al., "Parallel random numbers: as easy
as 1, 2, 3", SC 2011), bit for bit the one of `numpy.random.Philox`.

    key     = (seed, stream)
    counter = (block, day, person, replicate)        one block makes four 64-bit words, or eight 32-bit halves

A replicate is another draw of everything for the same person; replicate 0 is the cohort's.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from migraine_platform.compiled import njit
from migraine_platform.simulator.random.normal import fast_normal_quantile, normal_quantile

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
    LATENT = 12
    CYCLE = 13
    DRIFT = 14
    SPLIT = 15
    FILTER = 16
    LEARNER = 17
    SYMPTOM = 18
    SIGN = 19
    SUSCEPTIBILITY = 20
    HABIT = 21
    NEIGHBOURS = 22


M0 = np.uint64(0xD2E7470EE14C6C93)
M1 = np.uint64(0xCA5A826395121157)
W0 = np.uint64(0x9E3779B97F4A7C15)
W1 = np.uint64(0xBB67AE8584CAA73B)
HALF = np.uint64(32)
LOW = np.uint64(0xFFFFFFFF)
MANTISSA = np.uint64(11)
UNIT = 2.0**-53
HALF_UNIT = 2.0**-32
HALVES = 8
"""Deviates of one block, when each takes half a word."""


@intrinsic
def _high_product(typing_context: Any, a: Any, b: Any) -> Any:
    """Upper 64 bits of a 64 x 64-bit product: one instruction, where integer types of Python's would need many."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        wide = ir.IntType(128)
        product = builder.mul(*(builder.zext(argument, wide) for argument in arguments))
        return builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), ir.IntType(64))

    return types.uint64(types.uint64, types.uint64), generate


@njit(cache=True)
def philox(
    seed: np.uint64, stream: np.uint64, person: np.uint64, day: np.uint64, block: np.uint64, replicate: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    """Four random 64-bit words."""
    c0, c1, c2, c3 = block, day, person, replicate
    k0, k1 = seed, stream
    for _ in range(10):
        high0, low0 = _high_product(M0, c0), M0 * c0  # type: ignore[call-arg, var-annotated]
        high1, low1 = _high_product(M1, c2), M1 * c2
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = k0 + W0, k1 + W1
    return c0, c1, c2, c3


@njit(cache=True)
def words_at(
    seed: int, stream: int, person: int, day: int, block: int, replicate: int
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    """`philox` of plain integers."""
    return philox(
        np.uint64(seed), np.uint64(stream), np.uint64(person), np.uint64(day), np.uint64(block), np.uint64(replicate)
    )


@njit(cache=True)
def unit(word: np.uint64) -> float:
    """A word as a number in (0, 1), never at either end."""
    return (float(word >> MANTISSA) + 0.5) * UNIT


@njit(cache=True)
def fill_uniforms(
    out: NDArray[np.float64], seed: int, stream: int, person: int, day: int, block: int, replicate: int
) -> None:
    """The eight uniform deviates of a block, 32 bits each.

    Args:
        out: [8] to be filled.
    """
    w0, w1, w2, w3 = words_at(seed, stream, person, day, block, replicate)
    out[0] = (float(w0 & LOW) + 0.5) * HALF_UNIT
    out[1] = (float(w0 >> HALF) + 0.5) * HALF_UNIT
    out[2] = (float(w1 & LOW) + 0.5) * HALF_UNIT
    out[3] = (float(w1 >> HALF) + 0.5) * HALF_UNIT
    out[4] = (float(w2 & LOW) + 0.5) * HALF_UNIT
    out[5] = (float(w2 >> HALF) + 0.5) * HALF_UNIT
    out[6] = (float(w3 & LOW) + 0.5) * HALF_UNIT
    out[7] = (float(w3 >> HALF) + 0.5) * HALF_UNIT


@njit(cache=True)
def fill_normals(
    out: NDArray[np.float64], seed: int, stream: int, person: int, day: int, block: int, replicate: int, count: int
) -> None:
    """The first `count` standard normal deviates of a block into `out` [8].

    Args:
        out: [slots] to be filled.
    """
    fill_uniforms(out, seed, stream, person, day, block, replicate)
    for k in range(count):
        out[k] = fast_normal_quantile(out[k])


@njit(cache=True)
def uniforms(seed: int, stream: int, persons: NDArray[np.int64], days: int, slots: int) -> NDArray[np.float64]:
    """Uniform deviates in (0, 1): [persons, days, slots]; day d of a person is the same for every `days` > d.

    Args:
        persons: [P] indices.
    """
    out = np.empty((len(persons), days, slots))
    for i in range(len(persons)):
        for day in range(days):
            for block in range((slots + 3) // 4):
                words = words_at(seed, stream, persons[i], day, block, 0)
                for k in range(min(4, slots - 4 * block)):
                    out[i, day, 4 * block + k] = unit(words[k])
    return out


@njit(cache=True)
def normals(seed: int, stream: int, persons: NDArray[np.int64], days: int, slots: int) -> NDArray[np.float64]:
    """Standard normal deviates, one from each uniform: [persons, days, slots].

    Args:
        persons: [P] indices.
    """
    out = uniforms(seed, stream, persons, days, slots)
    flat = out.ravel()
    for i in range(flat.size):
        flat[i] = normal_quantile(flat[i])
    return out
