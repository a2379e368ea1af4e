"""Windows of 24 hours: simulated days, refined hour by hour, with all that could be read or asked.

    Z[h+1] = A_h Z[h] + B_h u + eta_h        the daily process on an hourly clock, started where the day started
    reading = loads . Z[h+1] + offset of the day + noise
    P(migraine tomorrow | all until midnight) = goes on + (1 - goes on) expit(rest + w . Z[24])

Twenty-four steps have exactly the day's mean and covariance, so that a window is another draw of the same day. Belongs
here: drawing windows. Does not: what may be inferred from them (window_posterior.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from migraine_platform.compiled import njit
from migraine_platform.config.simulator.hours import DAY_FACTS, DIET_ITEMS, FACT_OF, QUESTIONS, Hours
from migraine_platform.config.simulator.latent import AXES
from migraine_platform.priors.vocabulary import TRIGGERS
from migraine_platform.simulator.generative.attacks import AttackCourse, lasting_share
from migraine_platform.simulator.generative.dynamics import HOURS_A_DAY, LatentDynamics, to_hourly
from migraine_platform.simulator.hourly.bank import DayBank, sign_hours

if TYPE_CHECKING:
    from numpy.typing import NDArray

LATENT = len(AXES)
BAROMETER = "barometer"
SIGN = "signs"

COUNT_EDGES = np.array([1, 3, 6, 10, 15])
"""Migraine days in four weeks are told in six classes: none, 1-2, 3-5, 6-9, 10-14, more."""

SINCE_EDGES = np.array([1, 2, 4, 8])
"""Days since the last one in five: today, yesterday, 2-3, 4-7, more."""

CYCLE_EDGES = np.array([-0.5, 0.5])
"""The score of the day of the cycle in three; a fourth class has no cycle."""

CARD_SIZES = (len(COUNT_EDGES) + 1, len(SINCE_EDGES) + 1, len(CYCLE_EDGES) + 2, 2)
"""Classes on a patient's card: count, since, cycle, weather trigger of the day."""

KNOWN = [place for place, trigger in enumerate(TRIGGERS) if not trigger.recorded]
"""Triggers of the weather, which are known without asking."""

OTHER_SHARE = 0.25
"""Of training windows that end at an hour other than the evening or midnight."""

FIRST_END = 8


@dataclass(frozen=True)
class HourlyChannels:
    """The linear readings, in a fixed order: passive ones, then prompts by question."""

    names: tuple[str, ...]
    question: NDArray[np.int64]
    """[C] which question reveals it; -1 for passive channels."""
    loads: NDArray[np.float64]
    """[C, 4]"""
    noise: NDArray[np.float64]
    offset: NDArray[np.float64]

    @classmethod
    def of(cls, hours: Hours) -> HourlyChannels:
        """The configured readings."""
        rows = [(name, -1, channel) for name, channel in hours.passive.items()]
        for number, question in enumerate(QUESTIONS):
            rows += [(name, number, channel) for name, channel in hours.prompts.get(question, {}).items()]
        return cls(
            names=tuple(name for name, _, _ in rows),
            question=np.array([number for _, number, _ in rows]),
            loads=np.array([[channel.loads.get(axis, 0.0) for axis in AXES] for _, _, channel in rows]),
            noise=np.array([channel.noise for _, _, channel in rows]),
            offset=np.array([channel.day_offset for _, _, channel in rows]),
        )

    @cached_property
    def passive(self) -> NDArray[np.int64]:
        """Positions of the passive channels."""
        return np.flatnonzero(self.question < 0)

    @cached_property
    def prompted(self) -> NDArray[np.int64]:
        """Positions of the channels that a question reveals."""
        return np.flatnonzero(self.question >= 0)


def answer_names(hours: Hours) -> tuple[tuple[str, int], ...]:
    """Every value that an answer may hold, with the number of its question."""
    channels = HourlyChannels.of(hours)
    linear = [(channels.names[c], int(channels.question[c])) for c in channels.prompted]
    facts = [(name, QUESTIONS.index(FACT_OF[name])) for name in DAY_FACTS]
    diet = [(name, QUESTIONS.index("intake")) for name in DIET_ITEMS]
    return (*linear, *facts, *diet, (SIGN, QUESTIONS.index("body_signs")))


class HourlyWindows(NamedTuple):
    """W windows: everything that is known, could be known, and is true."""

    row: NDArray[np.int64]
    """[W] which days of the bank they are."""
    now: NDArray[np.int64]
    """[W] the hour at which a window is looked at: what is later is not known yet."""
    passive: NDArray[np.float64]
    """[W, 24, passive channels]"""
    worn: NDArray[np.bool_]
    """[W, 24] hours of the wearable."""
    slept: NDArray[np.float64]
    """[W] hours slept, standardised, as the wearable has them; known if it was worn in the first hour."""
    answers: NDArray[np.float64]
    """[W, 24, V] what each hour's answers would be, as `answer_names` has them; signs in nats (config.hours.Signs)."""
    awake: NDArray[np.bool_]
    """[W, 24]"""
    card: NDArray[np.int64]
    """[W, 4] classes that the patient knows (CARD_SIZES)."""
    goes_on: NDArray[np.float64]
    """[W] P(the headache that runs at `now` makes tomorrow a migraine day)."""
    z: NDArray[np.float64]
    """[W, 4] truth: Z at the end of the window."""
    probability: NDArray[np.float64]
    """[W] truth: P(migraine tomorrow), all known until midnight."""
    migraine: NDArray[np.bool_]
    """[W] whether there is one."""

    def take(self, rows: NDArray[np.int64] | slice) -> HourlyWindows:
        """These windows.

        Args:
            rows: [N] places of those wanted.
        """
        return HourlyWindows._make([column[rows] for column in self])


class WindowSimulator:
    """Draws windows from a bank of days."""

    def __init__(self, hours: Hours, daily: LatentDynamics, course: AttackCourse, bank: DayBank) -> None:
        self.hours = hours
        self.course = course
        self.bank = bank
        self.channels = HourlyChannels.of(hours)
        self.hourly = to_hourly(LatentDynamics(daily.A, np.eye(LATENT), daily.Q))
        self._root = self.hourly.root()
        self._facts = [hours.facts[name] for name in DAY_FACTS]

    def draw(
        self, rng: np.random.Generator, size: int, now: int | NDArray[np.int64] | None = None, complete: bool = False
    ) -> HourlyWindows:
        """Windows of days chosen at random.

        Args:
            now: [W] the hour at which each is looked at, or one for all; by default mostly the evening, sometimes
                midnight or another hour.
            complete: the whole day is over and the wearable was always worn.
        """
        rows = rng.integers(self.bank.size, size=size)
        return self.refine(rng, rows, HOURS_A_DAY if complete else now, always_worn=complete)

    def refine(
        self,
        rng: np.random.Generator,
        rows: NDArray[np.int64],
        now: int | NDArray[np.int64] | None,
        always_worn: bool = False,
    ) -> HourlyWindows:
        """Live these days of the bank once more, hour by hour.

        Args:
            rows: [N] days of the bank.
            now: [W] hour of the day.
        """
        days, size = self.bank.take(rows), len(rows)
        path = self._path(rng, days.z, days.drive)
        readings = self._readings(rng, path)
        end = np.full(size, now) if now is not None else self._ends(rng, size)
        standard = (days.fact - [fact.mean for fact in self._facts]) / [fact.sd for fact in self._facts]
        sleep = standard[:, DAY_FACTS.index("sleep_hours")]
        p_end = self._goes_on(days, np.full(size, HOURS_A_DAY))
        ahead = path[:, -1]
        onset = 1 / (1 + np.exp(-(days.rest + (days.weights * ahead).sum(axis=1))))
        probability = p_end + (1 - p_end) * onset
        return HourlyWindows(
            row=rows,
            now=end,
            passive=readings[:, :, self.channels.passive],
            worn=np.ones((size, HOURS_A_DAY), dtype=np.bool_) if always_worn else self._worn(rng, size),
            slept=sleep + self.hours.device.sleep_error * rng.standard_normal(size),
            answers=np.concatenate(
                [
                    readings[:, :, self.channels.prompted],
                    self._told(rng, standard),
                    self._taken(rng, days.diet),
                    self._signs(rng, days)[:, :, None],
                ],
                axis=2,
            ),
            awake=self._awake(rng, size),
            card=card_of(days, end),
            goes_on=self._goes_on(days, end),
            z=ahead,
            probability=probability,
            migraine=rng.random(size) < probability,
        )

    def _ends(self, rng: np.random.Generator, size: int) -> NDArray[np.int64]:
        """Hours at which windows are looked at."""
        usual = np.where(rng.random(size) < 2 / 3, self.hours.evening, HOURS_A_DAY)
        other = rng.integers(FIRST_END, HOURS_A_DAY + 1, size=size)
        return np.where(rng.random(size) < OTHER_SHARE, other, usual)

    def _path(
        self, rng: np.random.Generator, start: NDArray[np.float64], drive: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """[W, 24, 4] Z after each hour."""
        noise = rng.standard_normal((len(start), HOURS_A_DAY, LATENT)) @ self._root.T
        held = drive @ self.hourly.B.T
        path = np.empty_like(noise)
        z = start
        for hour in range(HOURS_A_DAY):
            z = z @ self.hourly.A.T + held + noise[:, hour]
            path[:, hour] = z
        return path

    def _readings(self, rng: np.random.Generator, path: NDArray[np.float64]) -> NDArray[np.float64]:
        """[W, 24, C] every linear channel at every hour."""
        channels, size = self.channels, len(path)
        offset = rng.standard_normal((size, 1, len(channels.noise))) * channels.offset
        noise = rng.standard_normal((size, HOURS_A_DAY, len(channels.noise))) * channels.noise
        return np.asarray(path @ channels.loads.T + offset + noise)

    def _told(self, rng: np.random.Generator, standard: NDArray[np.float64]) -> NDArray[np.float64]:
        """[W, 24, 3] facts of the day as the patient tells them: with one error, all day."""
        errors = rng.standard_normal(standard.shape) * [fact.error for fact in self._facts]
        return np.repeat((standard + errors)[:, None, :], HOURS_A_DAY, axis=1)

    def _taken(self, rng: np.random.Generator, diet: NDArray[np.bool_]) -> NDArray[np.float64]:
        """[W, 24, 3] whether an item was taken, and remembered, in the hours up to each."""
        intake = self.hours.intake
        hours = np.arange(HOURS_A_DAY)
        out = np.zeros((len(diet), HOURS_A_DAY, len(DIET_ITEMS)))
        for k, item in enumerate(DIET_ITEMS):
            first, last = intake.hours[item]
            at = rng.integers(first, last + 1, size=len(diet))[:, None]
            reported = diet[:, k] & (rng.random(len(diet)) < intake.remembered)
            out[:, :, k] = reported[:, None] & (hours >= at) & (hours < at + intake.covers_hours)
        return out

    def _signs(self, rng: np.random.Generator, days: DayBank) -> NDArray[np.float64]:
        """[W, 24] signs of the body: often during prodrome and headache, false alarms too; seldom otherwise."""
        share = np.where(sign_hours(days), self.hours.signs.during, self.hours.signs.otherwise)
        no, yes = self.hours.signs.evidence
        return np.where(rng.random(share.shape) < share, yes, no)

    def _awake(self, rng: np.random.Generator, size: int) -> NDArray[np.bool_]:
        waking, hours = self.hours.waking, np.arange(HOURS_A_DAY)
        shift = np.rint(rng.standard_normal((2, size, 1)) * waking.spread_hours)
        return np.asarray((hours >= waking.gets_up + shift[0]) & (hours < waking.goes_to_bed + shift[1]))

    def _worn(self, rng: np.random.Generator, size: int) -> NDArray[np.bool_]:
        """[W, 24] whole days without the wearable, and gaps of some hours."""
        device, hours = self.hours.device, np.arange(HOURS_A_DAY)
        begin = rng.integers(HOURS_A_DAY, size=(size, 1))
        length = rng.integers(1, device.gap_hours + 1, size=(size, 1))
        gap = (rng.random((size, 1)) < device.gap_share) & (hours >= begin) & (hours < begin + length)
        return np.asarray(~gap & (rng.random((size, 1)) >= device.day_off_share))

    def _goes_on(self, days: DayBank, now: NDArray[np.int64]) -> NDArray[np.float64]:
        running = (days.start <= now) & (days.end > now)
        elapsed = np.where(running, now - days.start, -1.0)
        wait = np.asarray(HOURS_A_DAY - now + self.course.migraine_day_hours, dtype=np.float64)
        return _lasting(self.course, days.headache, days.drug, elapsed, wait)


def card_of(days: DayBank, now: NDArray[np.int64] | int) -> NDArray[np.int64]:
    """[D, 4] what a patient's card says at some hour of the day: count, since, cycle, weather trigger.

    Args:
        now: [D] hour of the day.
    """
    today = days.carried_over | ((days.start >= 0) & (days.start <= now))
    count = np.searchsorted(COUNT_EDGES, days.before + today, side="right")
    since = np.searchsorted(SINCE_EDGES, np.where(today, 0, days.since), side="right")
    cycle = np.searchsorted(CYCLE_EDGES, np.nan_to_num(days.cycle_score))
    cycle = np.where(np.isnan(days.cycle_score), len(CYCLE_EDGES) + 1, cycle)
    return np.column_stack([count, since, cycle, days.trigger[:, KNOWN].any(axis=1).astype(np.int64)])


def askable(hours: Hours, windows: HourlyWindows) -> NDArray[np.bool_]:
    """[W, 24, questions] hours that are over, were awake, and can still be recalled."""
    age = windows.now[:, None] - (np.arange(HOURS_A_DAY) + 1)
    recall = np.array([hours.recall_hours[question] for question in QUESTIONS])
    return np.asarray(((age >= 0) & windows.awake)[:, :, None] & (age[:, :, None] < recall))


@njit(cache=True)
def _lasting(
    course: AttackCourse,
    own: NDArray[np.float64],
    drug: NDArray[np.int64],
    elapsed: NDArray[np.float64],
    wait: NDArray[np.float64],
) -> NDArray[np.float64]:
    """P(a headache of `elapsed` hours lasts `wait` more); 0 where none runs."""
    out = np.zeros(len(elapsed))
    for i in range(len(elapsed)):
        if elapsed[i] >= 0:
            now = lasting_share(course, own[i], drug[i], elapsed[i])
            out[i] = lasting_share(course, own[i], drug[i], elapsed[i] + wait[i]) / now if now > 0 else 0.0
    return out
