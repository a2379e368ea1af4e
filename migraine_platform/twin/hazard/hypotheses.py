"""Hypotheses of who a patient is, and what is carried along for each of them.

A hypothesis is a level g (log-odds of an onset on the person's usual day), susceptibilities s and what weekends do
to the person. The same points serve every patient; his days weigh them. Belongs here: the shapes. Does not: what a day
does to them (filter.py), or where the population's numbers come from (population.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from migraine_platform.domain.events import EVENTS
from migraine_platform.twin.data.features import POSITION
from migraine_platform.twin.data.histories import Histories
from migraine_platform.twin.dynamics.kalman import FilteredStates

if TYPE_CHECKING:
    from numpy.typing import NDArray

NO_ATTACK, FIRST_DAY, SECOND_DAY, LATER_DAY, UNKNOWN_DAY, LATE = range(6)
"""How far an attack is, as the diaries tell; LATE is one that began after the evening."""

AGES = 6
NOT_TOLD, OVER, RUNS = range(3)
"""What the evening's diary tells of a migraine day's headache: nothing, that it is over, that it is still there."""

HEADACHES = 3
AGE, MEDICATED, HEADACHE, MAY_BEGIN, STARTED, TOLD, WRITTEN, LIVED, SILENT = range(9)
LASTS, LASTS_VARIANCE, SIGNS, SIGNS_VARIANCE = range(9, 13)
"""Places in a patient's numbers; WRITTEN and LIVED count days without migraine, those with an entry and all, SILENT
evenings since the last entry; the last four are the normals of own_course.py, mean and variance."""

NUMBERS = 13
AFTER_WELL, AFTER_ILL, UNSIGNED = range(3)
"""Days after which tomorrow is looked at; UNSIGNED is one without migraine, before its signs are heard of."""

LOGIT_STEP, LOGIT_BINS = 0.125, 113
"""Bins into which forecasts are counted, on the logit scale; the middle one lies around one half."""


class Points(NamedTuple):
    """M hypotheses of who a patient is."""

    level: NDArray[np.float64]
    """[M] g"""
    susceptibility: NDArray[np.float64]
    """[M, K] s, to each trigger"""
    weekend: NDArray[np.float64]
    """[M] on a normal scale; times `Effects.weekend` the log-odds of an onset at a weekend against a workday."""
    log_prior: NDArray[np.float64]
    """[M] normalised"""


class Effects(NamedTuple):
    """What the population shares."""

    trigger: NDArray[np.float64]
    """[K] beta, of each trigger"""
    latent: NDArray[np.float64]
    """[4] w"""
    refractory: float
    attack_history: float
    """kappa"""
    weekend: float
    """Standard deviation between persons of what a weekend does."""
    memory: float
    """Share of the trace of migraine days that is left after a day."""
    lasting: NDArray[np.float64]
    """[AGES, 2, HEADACHES] probability that an attack goes on tomorrow: by its age, by whether a drug was taken, by
    what the evening tells of the headache; of one that is over, the same at every age."""
    lasting_sd: float
    """Standard deviation between persons of its log-odds."""
    by_evening: float
    """Share of onsets that come before the diary is filled."""
    alarms: float
    """Prodromes without an onset by the evening, per onset; those of tomorrow's attacks are left out."""
    signs: float
    """Share of onsets by the evening with signs noted that day."""
    signs_sd: float
    """Standard deviation between persons of the logarithm of how often signs come."""
    early: float
    """Share of onsets with a sign on the evening before."""
    conversion: float
    """Share of those signs that an attack follows."""
    entry_odds: float
    """Odds of an entry on a migraine day, against other days."""
    writing: NDArray[np.float64]
    """[SILENCES] log-odds of an entry against the usual one, by how many evenings had none (data/writing.py)."""
    renewal: float
    """Probability that a person changes overnight into another of the population."""


class FilterState(NamedTuple):
    """Where P patients stand on some evening; all that an update needs."""

    log_weight: NDArray[np.float64]
    """[P, M] normalised"""
    ill: NDArray[np.float64]
    """[P, M] probability that today is a migraine day by now."""
    hazard: NDArray[np.float64]
    """[P, M] probability of an onset today, as it was this morning, had no attack gone on."""
    attack_history: NDArray[np.float64]
    """[P, M] fading share of migraine days, up to the day before."""
    onset: NDArray[np.float64]
    """[P, M, 3] probability of an onset tomorrow, after a day without and with migraine; and without, before signs."""
    numbers: NDArray[np.float64]
    """[P, NUMBERS] how far an attack is, whether a drug was taken, whether the headache is over, ..."""

    def of(self, rows: NDArray[np.int64] | slice) -> FilterState:
        """Some of the patients.

        Args:
            rows: [N] places of those wanted.
        """
        return FilterState(*(part[rows] for part in self))


class AttackEvidence(NamedTuple):
    """What P patients recorded of attacks on K days."""

    diary: NDArray[np.bool_]
    """[P, K]"""
    events: NDArray[np.bool_]
    """[P, K, EVENTS]"""
    headache: NDArray[np.int64]
    """[P, K] NOT_TOLD, OVER or RUNS."""
    late: NDArray[np.bool_]
    """[P, K] an attack began after the evening of the day before."""
    pain: NDArray[np.float64]
    """[P, K] log-likelihood ratio of what the device recorded, pain against none, where the diary is silent."""
    begun: NDArray[np.int64]
    """[P]"""

    @classmethod
    def of(cls, histories: Histories, channels: FilteredStates) -> AttackEvidence:
        """The days of histories; `channels` is what the state-space model makes of them."""
        return cls(
            histories.diary,
            histories.events,
            told_headache(histories),
            told_late(histories),
            channels.pain,
            histories.begun,
        )

    def of_patients(self, rows: NDArray[np.int64] | slice) -> AttackEvidence:
        """Some of the patients.

        Args:
            rows: [N] places of those wanted.
        """
        return AttackEvidence(
            self.diary[rows],
            self.events[rows],
            self.headache[rows],
            self.late[rows],
            self.pain[rows],
            self.begun[rows],
        )

    def of_days(self, days: slice) -> AttackEvidence:
        """Some of the days; when each patient's begin is still counted from the first of all."""
        return AttackEvidence(
            self.diary[:, days],
            self.events[:, days],
            self.headache[:, days],
            self.late[:, days],
            self.pain[:, days],
            self.begun,
        )

    def then(self, later: AttackEvidence) -> AttackEvidence:
        """Both stretches of days as one."""
        days = [np.concatenate(parts, axis=1) for parts in zip(self[:-1], later[:-1], strict=True)]
        here = self.diary.shape[1]
        begun = np.where(self.begun < here, self.begun, here + np.maximum(later.begun, 0))
        return AttackEvidence(days[0], days[1], days[2], days[3], days[4], begun)

    def since(self, first: int) -> AttackEvidence:
        """The days from one on; the first of them knows what the day before it told late."""
        return self.of_days(slice(first, None))._replace(begun=self.begun - first)


def weekends(
    points: Points, effects: Effects, filter_state: FilterState
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """[P] twice: posterior mean and sd of the log-odds that a weekend adds to an onset, against a workday."""
    share = np.exp(filter_state.log_weight)
    mean = share @ points.weekend
    spread = np.sqrt(np.maximum(share @ points.weekend**2 - mean**2, 0.0))
    return effects.weekend * mean, effects.weekend * spread


def told_late(histories: Histories) -> NDArray[np.bool_]:
    """[P, K] whether the day before turned out, after its evening, to be a migraine day."""
    complete, by_evening = (
        histories.events[..., EVENTS.index(name)] for name in ("has_migraine", "migraine_by_evening")
    )
    late = np.zeros_like(complete)
    late[:, 1:] = (complete & ~by_evening & histories.diary)[:, :-1]
    return late


def told_headache(histories: Histories) -> NDArray[np.int64]:
    """[P, K] what each evening's diary tells of a headache: NOT_TOLD, OVER or RUNS."""
    place = POSITION["headache_at_evening"]
    told = np.where(histories.values[..., place] > 0, RUNS, OVER)
    return np.where(histories.present[..., place] & histories.diary, told, NOT_TOLD)


class Forecasts(NamedTuple):
    """What P patients' filters say on K evenings of the day that follows."""

    probability: NDArray[np.float64]
    """[P, K] of a migraine day."""
    onset: NDArray[np.float64]
    """[P, K] of an onset, if no attack goes on."""
    unsigned: NDArray[np.float64]
    """[P, K] the same, before the evening's signs are heard of."""
    goes_on: NDArray[np.float64]
    """[P, K] that a running attack makes the day a migraine day."""
    lasts: NDArray[np.float64]
    """[P, K] the same, if there is one by the evening."""
    ill: NDArray[np.float64]
    """[P, K] that today is a migraine day by now; 0 or 1 where the diary says which."""
    attack_history: NDArray[np.float64]
    """[P, K] of migraine days up to the day before."""
    course: NDArray[np.float64]
    """[P, K] place in `Effects.lasting`, flat: how far the attack is, whether a drug was taken, whether it is over."""
    log_evidence: NDArray[np.float64]
    """[P, K] log probability of what the day recorded of attacks, given the days before."""
    spread: NDArray[np.float64]
    """[P, K, 2, LOGIT_BINS] weight of the hypotheses by what they forecast: a migraine day, if today was none; an
    onset, if it was one. No bins if not wanted."""
    likelihood: NDArray[np.float64]
    """[P, K, M] log probability of what the day recorded of attacks under each hypothesis. None if not wanted."""


def initial_filter_state(points: Points, effects: Effects, patients: int) -> FilterState:
    """Of persons of whom nothing is known."""
    nothing = np.zeros((patients, len(points.level)))
    p, on = 1 / (1 + np.exp(-points.level)), effects.lasting[UNKNOWN_DAY, 0, NOT_TOLD]
    baseline = p / (1 - on + on * p)  # share of migraine days in the long run
    numbers = np.zeros((patients, NUMBERS))
    numbers[:, LASTS_VARIANCE], numbers[:, SIGNS_VARIANCE] = effects.lasting_sd**2, effects.signs_sd**2
    return FilterState(
        log_weight=np.tile(points.log_prior, (patients, 1)),
        ill=nothing,
        hazard=nothing.copy(),
        attack_history=np.tile(baseline, (patients, 1)),
        onset=np.tile(p[:, None], (patients, 1, 3)),
        numbers=numbers,
    )
