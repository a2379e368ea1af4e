"""The menstrual cycle: its day, for those who have one.

Cycle lengths vary between and within persons; day 1 is the first of menses. Effects are anchored at both ends, as the
literature counts them: days 1-14 from menses on, the days before menses backwards from its next start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.compiled import njit
from migraine_platform.config.simulator.change import Hormones
from migraine_platform.simulator.random.streams import Stream, fill_normals, fill_uniforms

if TYPE_CHECKING:
    from numpy.typing import NDArray

STANDARD = 28
MIDDLE = 14
STREAM = int(Stream.CYCLE)


def cycle_days(
    hormones: Hormones, index: NDArray[np.int64], menstruating: NDArray[np.bool_], days: int, seed: int
) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """[P, T] day of the cycle, and the day of a 28-day cycle that it answers to; 0 for persons without a cycle.

    Args:
        index: [P] patients' indices.
        menstruating: [P] who has a cycle.
    """
    day, standard = _run(
        hormones.cycle_days,
        hormones.between_sd,
        hormones.within_sd,
        hormones.cycle_range[0],
        hormones.cycle_range[1],
        index,
        menstruating,
        days,
        seed,
    )
    return day, standard


def menstruates(hormones: Hormones, age: NDArray[np.int64], is_female: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """[P] who has a cycle.

    Args:
        age, is_female: [P]
    """
    low, high = hormones.menstruating_ages
    return np.asarray(is_female & (age >= low) & (age <= high))


@njit(cache=True)
def day_of_menses(standard: int) -> int:
    """Day from the nearer menses: 1 their first day, -1 the day before.

    Args:
        standard: day of the 28-day cycle that a day answers to.
    """
    return standard - STANDARD - 1 if standard > MIDDLE else standard


@njit(cache=True)
def _run(  # type: ignore[no-untyped-def]
    mean, between_sd, within_sd, shortest, longest, index, menstruating, days, seed
):
    day_of = np.zeros((len(index), days), dtype=np.int16)
    standard = np.zeros((len(index), days), dtype=np.int16)
    e, u = np.empty(8), np.empty(8)
    for i in range(len(index)):
        if not menstruating[i]:
            continue
        fill_normals(e, seed, STREAM, index[i], 0, 0, 0, 1)
        usual = mean + between_sd * e[0]
        fill_uniforms(u, seed, STREAM, index[i], 0, 1, 0)
        cycle, length, day = 0, 0, 0
        for t in range(days):
            day += 1
            if day > length:
                cycle += 1
                fill_normals(e, seed, STREAM, index[i], cycle, 0, 0, 1)
                length = int(np.floor(min(max(usual + within_sd * e[0], shortest), longest) + 0.5))
                day = 1 if t > 0 else 1 + int(u[0] * length)
            day_of[i, t] = day
            standard[i, t] = day if day <= MIDDLE else max(STANDARD - (length - day), MIDDLE)
    return day_of, standard
