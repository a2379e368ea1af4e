"""How often classical detectors alarm of nothing, and the thresholds at which they do so as often as is wanted.

    rate = alarms / patient-years,  over streams of patients who do not change

Rates are of calendar days, seen or not, and of grown detectors: the first half of the memory is not counted. Belongs
here: rates and thresholds. Does not: the detectors (classical.py), or where undrifted streams come from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from migraine_platform.config.detectors import Detectors
from migraine_platform.errors import UserError
from migraine_platform.twin.drift.classical import LEAST_DISTANCE, DetectorThreshold, Streams, alarms, p_values

if TYPE_CHECKING:
    from numpy.typing import NDArray

YEAR = 365.25
RUNGS = 2**12
"""Thresholds among which one is looked for; neighbours differ by less than a rate can be told."""


class FalseAlarmRateError(UserError):
    """No threshold of a detector gives the rate that is wanted."""


class Rate(NamedTuple):
    """Alarms per patient-year."""

    value: float
    error: float
    """Standard error, patients being independent of each other, however their alarms are clustered."""
    patient_years: float


class Calibrated(NamedTuple):
    """A threshold, and what it gives on the streams that it was chosen on."""

    threshold: DetectorThreshold
    wanted: float
    """Alarms per patient-year."""
    realised: Rate
    """At most what was wanted; KSWIN's distances are whole steps, so its rates are too."""


def false_alarms(threshold: DetectorThreshold, streams: Streams, settings: Detectors) -> Rate:
    """Rate of alarms of a grown detector.

    Args:
        streams: of patients who do not change, over more days than half of the detector's memory.

    Raises:
        ThresholdError: if the streams are too short.
    """
    patients, days = streams.values.shape
    grown = settings.memory_days // 2
    if days <= grown or patients == 0:
        raise FalseAlarmRateError(f"streams of {patients} patients over {days} days; expected more than {grown} days")
    counts = alarms(threshold, streams, settings).on[:, grown:].sum(axis=1)
    years = (days - grown) / YEAR
    # Of a sum of independent counts; one alarm at least, as none seen is not none ever.
    spread = np.sqrt(max(float(((counts - counts.mean()) ** 2).sum()), 1.0))
    return Rate(float(counts.mean()) / years, float(spread) / (patients * years), patients * years)


def calibrate(detector: str, streams: Streams, wanted: float, settings: Detectors) -> Calibrated:
    """The loosest threshold of a detector that alarms no more often than wanted.

    Found by bisection, as a rate falls with the threshold but for the days after alarms. That of other undrifted
    streams scatters around the wanted one by `realised.error` from the choice, and by as much again of its own.

    Args:
        streams: of patients who do not change.
        wanted: alarms per patient-year.

    Raises:
        ThresholdError: if the streams are too short, do not vary, or no threshold gives that rate.
    """
    scale = _spread_within(streams)
    if not scale > 0:
        raise FalseAlarmRateError("streams that do not vary; expected those of patients who record something")
    rungs = _strict_to_loose(detector, settings)
    held: Calibrated | None = None
    low, high = 0, len(rungs)
    while low < high:
        middle = (low + high) // 2
        threshold = DetectorThreshold(detector, float(rungs[middle]), scale)
        rate = false_alarms(threshold, streams, settings)
        if rate.value <= wanted:
            held, low = Calibrated(threshold, wanted, rate), middle + 1
        else:
            high = middle
    if held is None or low == len(rungs):
        end = "strictest" if held is None else "loosest"
        raise FalseAlarmRateError(
            f"{detector}: even its {end} threshold gives another rate than {wanted:g} alarms per patient-year"
        )
    return held


def _spread_within(streams: Streams) -> float:
    """Standard deviation around each patient's own mean."""
    counts = np.maximum(streams.seen.sum(axis=1, keepdims=True), 1)
    means = np.sum(streams.values, axis=1, where=streams.seen, keepdims=True) / counts
    squares = np.square(streams.values - means).sum(where=streams.seen)
    return float(np.sqrt(squares / max(int(streams.seen.sum()), 1)))


def _strict_to_loose(detector: str, settings: Detectors) -> NDArray[np.float64]:
    if detector == "adwin":
        return np.geomspace(1e-16, 1, RUNGS, endpoint=False)
    if detector == "page_hinkley":
        return np.geomspace(1e4, 1e-1, RUNGS)
    apart = np.arange(settings.recent + 1) > LEAST_DISTANCE * settings.recent
    return np.unique(p_values(settings.recent)[apart])
