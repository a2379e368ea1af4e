"""How sure one can be that a running attack goes on: what a diary leaves open of its hour and its length.

A diary says that today was a migraine day, and perhaps whether the headache is over by the evening, but not when it
began, nor how long this person's last. The clinicians' numbers on attacks (hours of onset, durations and how persons
differ in them, drugs) say how likely each of that is, and how likely it goes on then:

    c = 0                                       it has ended by the evening
    c = S(rest of the night) / S(so far)        it runs; S: share of headaches that last longer

Belongs here: that distribution of c. Does not: its mean, which the diaries tell (counting.py, own_course.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.compiled import njit
from migraine_platform.config.simulator.settings import Simulator
from migraine_platform.simulator.exogenous.calendar import WEEK, WORKDAYS
from migraine_platform.simulator.generative.attacks import EVENING, HOURS, AttackCourse, lasting_share
from migraine_platform.simulator.generative.hazard import running_tomorrow
from migraine_platform.simulator.generative.treatment import UNTREATED
from migraine_platform.simulator.random.quantiles import later_hour, quantile
from migraine_platform.twin.hazard.hypotheses import (
    AGES,
    FIRST_DAY,
    HEADACHES,
    LATER_DAY,
    NOT_TOLD,
    OVER,
    RUNS,
    UNKNOWN_DAY,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

ATOMS = 12
ATTACKS = 4000
FARTHEST_TILT = 60.0
HALVINGS = 40


def lasting_atoms(settings: Simulator) -> NDArray[np.float64]:
    """[AGES, 2, HEADACHES, ATOMS] equally likely probabilities that an attack goes on, as `Effects.lasting` has them.

    Sorted; what never happens is zero.
    """
    from scipy.special import ndtri

    course = AttackCourse.of(settings.attacks, settings.treatments)
    found: dict[tuple[int, int, int], list[float]] = {}
    rng = np.random.default_rng(0)
    for number, u in enumerate(rng.random((ATTACKS, 4))):
        own = float(ndtri(u[3]))
        later = settings.attacks.weekend_later if number % WEEK >= WORKDAYS else 0.0
        start = later_hour(quantile(course.onset_hours, u[0]), later, EVENING)
        drug = course.usual_drug if u[1] < course.usual_treated_share else UNTREATED
        for day in range(4):
            elapsed = HOURS * day + EVENING - start
            morning = HOURS * day + course.migraine_day_hours - start
            if elapsed < 0 or (day and lasting_share(course, own, drug, morning) < u[2]):
                continue
            runs = lasting_share(course, own, drug, elapsed) >= u[2]
            with_drug = drug != UNTREATED and elapsed >= course.intake_delay
            c = running_tomorrow(course, own, drug, elapsed) if runs else 0.0
            for age in (min(FIRST_DAY + day, LATER_DAY), UNKNOWN_DAY):
                taken = int(with_drug) if age != UNKNOWN_DAY else 0
                for headache in (NOT_TOLD, RUNS if runs else OVER):
                    found.setdefault((age, taken, headache), []).append(c)
    out = np.zeros((AGES, 2, HEADACHES, ATOMS))
    for place, values in found.items():
        parts = np.array_split(np.sort(values), ATOMS)
        out[place] = [part.mean() if len(part) else values[-1] for part in parts]
    return out


@njit(cache=True)
def tilt(values: NDArray[np.float64], mean: float, weights: NDArray[np.float64]) -> None:
    """Weights of equally likely values, into `weights`, under which they have a mean that lies among them.

    weight ~ exp(lambda c): the weights nearest to equal ones (in relative entropy) with that mean.

    Args:
        values: [atoms] rising.
        weights: [atoms] to be filled.
    """
    weights[:] = 1.0 / len(values)
    if values[0] >= values[-1]:
        return
    low, high = -FARTHEST_TILT, FARTHEST_TILT
    for _ in range(HALVINGS):
        middle = (low + high) / 2.0
        total, reached = 0.0, 0.0
        for n in range(len(values)):
            weights[n] = np.exp(middle * (values[n] - values[-1 if middle > 0.0 else 0]))
            total += weights[n]
            reached += weights[n] * values[n]
        for n in range(len(values)):
            weights[n] /= total
        if reached / total < mean:
            low = middle
        else:
            high = middle
