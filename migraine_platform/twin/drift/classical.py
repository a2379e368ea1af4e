"""Classical streaming detectors of drift over many patients' streams: ADWIN, Page-Hinkley, KSWIN.

    adwin          two halves of a growing window differ in mean (Bifet & Gavalda 2007, section 3)
    page_hinkley   sum of (x - running mean -+ delta) strays from its minimum or maximum (Page 1954)
    kswin          a window's latest values are not distributed as its older ones (Raab et al. 2020)

Detectors keep no state from night to night: a day is judged by a replay of the values before it. So that the same day
always gets the same judgement, however long a history is held and whichever night asks, they begin anew on a calendar:

    a detector begins every H = memory_days / 2 days; each day of a block of H days is judged by the one that began
    with the block before, or the day after the last alarm if that is later.

Days are numbered from a fixed date, so the alarms of the last days, given the last alarm before them, are those of a
replay of everything, and nothing older than `memory_days` is ever read. Belongs here: what the detectors say. Does
not: their thresholds (false_alarms.py), or what the streams are.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from migraine_platform.compiled import njit
from migraine_platform.config.detectors import Detectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

DETECTORS = ("adwin", "page_hinkley", "kswin")
ADWIN_UNITS = 10.0
"""ADWIN reads tenths of a standard deviation. Its bound has a term for values between 0 and 1 beside the normal one; in
whole ones that keeps it from more than 0.9 alarms per year whatever its delta, and detects no sooner."""

LEAST_DISTANCE = 0.1
"""River's KSWIN lets no smaller distance of two distributions alarm, whatever its p-value."""


class Streams(NamedTuple):
    """One number per day about each of P patients, where there is one."""

    values: NDArray[np.float64]
    """[P, K]"""
    seen: NDArray[np.bool_]
    """[P, K] where a value is one; others are never read."""
    first: int = 0
    """Number of the first day, counted from any fixed date."""


class DetectorThreshold(NamedTuple):
    """How much a detector needs to see before it alarms."""

    detector: str
    """One of DETECTORS."""
    value: float
    """ADWIN's delta; Page-Hinkley's lambda, in standard deviations; KSWIN's alpha."""
    scale: float
    """Standard deviation of an undrifted stream, the unit of Page-Hinkley's sums and, tenfold, of ADWIN's bound."""


class Alarms(NamedTuple):
    """What a detector says of P patients' K days."""

    on: NDArray[np.bool_]
    """[P, K] whether it alarms."""
    since: NDArray[np.int64]
    """[P, K] day since which it thinks the stream another, where it alarms; -1 elsewhere.

    ADWIN: first day of the window that is left after the cut; as it drops whole buckets of the oldest values until the
    rest agrees, often months too early. Page-Hinkley: the day after the extremum of the sum. KSWIN: first of the latest
    values. Days are counted from the streams' first.
    """


def alarms(
    threshold: DetectorThreshold,
    streams: Streams,
    settings: Detectors,
    since: int = 0,
    alarmed: NDArray[np.int64] | None = None,
) -> Alarms:
    """Days on which a detector alarms; after an alarm it begins anew.

    A night asks for its new days, and gives the last alarms before them; a benchmark asks for everything.

    Args:
        since: first day asked about; those before it are the detector's memory.
        alarmed: [P] day of the last alarm before `since`; negative if there was none. Without it none is known.

    Raises:
        ValueError: if there is no such detector, or a value that was seen is not finite.
    """
    if threshold.detector not in DETECTORS:
        raise ValueError(f'no detector "{threshold.detector}"; expected one of {", ".join(DETECTORS)}')
    if not np.isfinite(streams.values[streams.seen]).all():
        raise ValueError("streams hold values that are seen and not finite; expected them unseen")
    patients, days = streams.values.shape
    out = Alarms(np.zeros((patients, days), bool), np.full((patients, days), -1))
    last = np.full(patients, -1) if alarmed is None else np.maximum(alarmed, -1)
    blocks, kswin = list(_blocks(streams.first, days, settings.memory_days // 2, since)), threshold.detector == "kswin"
    replay = _replayer(threshold, settings)
    for i in range(patients):
        at = np.flatnonzero(streams.seen[i])
        x = streams.values[i, at] / threshold.scale
        found = (
            _compare(threshold, x, at, settings, since, last[i]) if kswin else _judge(replay, x, at, blocks, last[i])
        )
        for day, start in found:
            out.on[i, day], out.since[i, day] = True, start
    return out


class _Block(NamedTuple):
    """Days `judged` to `end`, judged by a detector that began on day `began`; all counted from the streams' first."""

    began: int
    judged: int
    end: int


def _blocks(first: int, days: int, length: int, since: int) -> list[_Block]:
    numbers = range((first + since) // length, (first + days - 1) // length + 1)
    ends = [(number * length - first, min((number + 1) * length - first, days)) for number in numbers]
    return [_Block(start - length, max(start, since), end) for start, end in ends]


Replay = Callable[[list[float]], list[tuple[int, int]]]
"""From values in order to the places of the alarms, each with the place since which the stream is another."""


def _judge(
    replay: Replay, x: NDArray[np.float64], at: NDArray[np.int64], blocks: list[_Block], last: int
) -> list[tuple[int, int]]:
    """Days of alarms of one patient, whose values x are those of days `at`."""
    found: list[tuple[int, int]] = []
    for block in blocks:
        begin, end = np.searchsorted(at, (max(block.began, last + 1), block.end))
        heard = [(int(at[begin + place]), int(at[begin + start])) for place, start in replay(x[begin:end].tolist())]
        found += [alarm for alarm in heard if alarm[0] >= block.judged]
        last = max(last, found[-1][0] if found else -1)
    return found


def _replayer(threshold: DetectorThreshold, settings: Detectors) -> Replay:
    from river.drift import ADWIN, PageHinkley

    def adwin(values: list[float]) -> list[tuple[int, int]]:
        detector = ADWIN(delta=threshold.value, clock=1, grace_period=settings.warm_up)
        out = []
        for place, value in enumerate(values):
            detector.update(value * ADWIN_UNITS)
            if detector.drift_detected:
                out.append((place, place + 1 - int(detector.width)))
        return out

    def page_hinkley(values: list[float]) -> list[tuple[int, int]]:
        detector = PageHinkley(
            min_instances=settings.warm_up, delta=settings.tolerance, threshold=threshold.value, alpha=1.0
        )
        out, begun = [], 0
        for place, value in enumerate(values):
            detector.update(value)
            if detector.drift_detected:
                out.append((place, begun + turned(np.asarray(values[begun : place + 1]), settings.tolerance)))
                begun = place + 1
        return out

    return adwin if threshold.detector == "adwin" else page_hinkley


def turned(x: NDArray[np.float64], tolerance: float) -> int:
    """Place at which the mean of x [n] turned away, by Page and Hinkley's sums: the one after their extremum.

    m[t] = sum over s <= t of (x[s] - mean of x[:s + 1] - delta), and its least value so far; for a mean that fell, +
    delta and the largest. Of the two, the one that strayed further at the end.
    """
    deviation = x - np.cumsum(x) / np.arange(1, len(x) + 1)
    rise, fall = np.cumsum(deviation - tolerance), np.cumsum(deviation + tolerance)
    low, high = int(rise.argmin()), int(fall.argmax())
    return (low if rise[-1] - rise[low] >= fall[high] - fall[-1] else high) + 1


def _compare(
    threshold: DetectorThreshold,
    x: NDArray[np.float64],
    at: NDArray[np.int64],
    settings: Detectors,
    since: int,
    last: int,
) -> list[tuple[int, int]]:
    """Days of KSWIN's alarms of one patient.

    A test is of one window, whatever came of others; so all are made, and those too soon after an alarm dropped.
    """
    begin, asked = np.searchsorted(at, (last + 1, since))
    steps = distances(x, settings, max(int(begin), int(asked) - settings.window + 1))
    lately = np.zeros(len(x), bool)
    if len(x) >= settings.window:
        oldest = at[: len(at) - settings.window + 1]
        lately[settings.window - 1 :] = at[settings.window - 1 :] - oldest < settings.memory_days
    alarming = lately & (p_values(settings.recent)[steps] <= threshold.value)
    alarming &= (steps > LEAST_DISTANCE * settings.recent) & (at >= since)
    found: list[tuple[int, int]] = []
    begun = int(begin)
    for place in np.flatnonzero(alarming).tolist():
        if place + 1 - begun >= settings.window:
            found.append((int(at[place]), int(at[place + 1 - settings.recent])))
            begun = place + 1
    return found


def distances(x: NDArray[np.float64], settings: Detectors, begin: int = 0) -> NDArray[np.int64]:
    """[n] Kolmogorov-Smirnov distance of the window that ends with each value of x [n], times `recent`.

    0 before there are `window` values from place `begin` on. River's KSWIN spends 0.3 ms per value on the same.
    """
    import random

    older = random.Random(settings.seed).sample(range(settings.window - settings.recent), settings.recent)
    out: NDArray[np.int64] = _distances(x, np.asarray(older), settings.window, settings.recent, begin)
    return out


@njit(cache=True)
def _distances(
    x: NDArray[np.float64], older: NDArray[np.int64], window: int, recent: int, begin: int
) -> NDArray[np.int64]:
    out = np.zeros(len(x), np.int64)
    for place in range(begin + window - 1, len(x)):
        start = place + 1 - window
        a, b = np.sort(x[start + older]), np.sort(x[start + window - recent : place + 1])
        i = j = 0
        while i < recent and j < recent:
            value = min(a[i], b[j])
            while i < recent and a[i] == value:
                i += 1
            while j < recent and b[j] == value:
                j += 1
            out[place] = max(out[place], abs(i - j))
    return out


@lru_cache
def p_values(count: int) -> NDArray[np.float64]:
    """[count + 1] two-sided p-value of each distance, times `count`, of two samples of that many values.

    Exact, but for the one next to 1, which scipy fails to compute, says so, and approximates.
    """
    import warnings

    from scipy.stats import ks_2samp

    values = np.arange(count)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=RuntimeWarning)
        return np.array([1.0, *(ks_2samp(values, values + steps - 0.5).pvalue for steps in range(1, count + 1))])
