"""Champion and challenger: twins in use, and twins made anew that would replace them.

    weight = prior L1 / (prior L1 + (1 - prior) L0)     L: likelihood of what was recorded since, night by night

Thirty days of one patient are noise, so nobody's challenger wins at once: the forecast told is both twins', by weight.
After the nights of a trial, the batch's challengers replace its champions together if they made what came more likely,
all patients added up; else they are dropped. Belongs here: reasons for a retraining, weights, the decision. Does not:
where versions lie, or who asks (the orchestrator).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from migraine_platform.config.twin import Retraining
from migraine_platform.twin.core.prediction import ForecastSpread
from migraine_platform.twin.data.histories import Histories
from migraine_platform.twin.updating.evening_results import Detection
from migraine_platform.twin.updating.evening_update import TwinState, TwinUpdater, begin, replaced_rows
from migraine_platform.twin.updating.update_rows import current_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

YEAR = 365.25
CERTAIN = 1.0
PROMOTED, DROPPED, ROLLED_BACK, ON_TRIAL = "promoted", "dropped", "rolled back", "on trial"
"""What becomes of challengers."""
LEAST_PATIENTS = 10
"""Below which nothing is said of a cohort."""


@dataclass(frozen=True)
class Trial:
    """P patients' challengers beside their champions."""

    challengers: TwinState
    born_on: date
    prior: NDArray[np.float64]
    """[P] that the challenger is the better twin, before its first night."""
    champion: NDArray[np.float64]
    """[P] log-likelihood of what was recorded since, by the champion."""
    challenger: NDArray[np.float64]

    @property
    def weight(self) -> NDArray[np.float64]:
        """[P] probability that the challenger is the better twin."""
        p = np.clip(self.prior, 1e-9, 1 - 1e-9)
        odds = np.log(p / (1 - p)) + self.challenger - self.champion
        return np.asarray(1 / (1 + np.exp(-np.clip(odds, -500, 500))))

    @property
    def gain(self) -> float:
        """Log-likelihood that the challengers are ahead by, all patients together."""
        return float((self.challenger - self.champion).sum())

    def nights(self, today: date) -> int:
        """Nights on trial."""
        return (today - self.born_on).days

    def is_over(self, today: date, settings: Retraining) -> bool:
        """Whether it is time for a decision."""
        return self.nights(today) >= settings.trial_nights

    def wins(self, settings: Retraining) -> bool:
        """Whether the challengers replace the champions."""
        return self.gain > settings.least_gain


def challengers(
    updater: TwinUpdater, histories: Histories, detections: Mapping[str, Sequence[Detection]], settings: Retraining,
    usual_prior: float,
) -> Trial:  # fmt: skip
    """Twins made anew from the whole history; of those who were found to change, as if that were certain.

    The champions have been adapted with all caution: whether the person did change is what the trial's nights decide.

    Args:
        detections: by patient.
        usual_prior: that a challenger is the better twin of a patient of whom no change was noticed.
    """
    made = begin(updater, histories).state
    mended: dict[int, TwinState] = {}
    for row, patient in enumerate(histories.patient_ids):
        known = [detection.change for detection in detections.get(patient, ())]
        if known:
            twins, _ = updater.relive(histories.of(np.array([row])), known, CERTAIN)
            mended[row] = TwinState(twins, updater.watcher.reset(made.watch.of(np.array([row]))))
    prior = np.full(histories.count, usual_prior)
    prior[list(mended)] = settings.prior
    nothing = np.zeros(histories.count)
    return Trial(replaced_rows(made, mended), histories.last, prior, nothing, nothing.copy())


def mixed(champion: ForecastSpread, challenger: ForecastSpread, weight: NDArray[np.float64]) -> ForecastSpread:
    """What both twins say together.

    Args:
        weight: [P] of the challenger.
    """
    share = weight[:, None]
    return ForecastSpread(*((1 - share) * old + share * new for old, new in zip(champion, challenger, strict=True)))


def reasons(twins: pl.DataFrame, settings: Retraining, false_alarms_a_year: float) -> list[str]:
    """Why a batch's twins should be made anew, other than for a change noticed this night.

    Errors and adaptations count where chance explains them less than RARE a look, for the whole batch.

    Args:
        twins: rows of `twin.twins` of one batch.
        false_alarms_a_year: per patient, each of which adapts a twin.
    """
    from scipy.stats import poisson

    fitted = twins.filter(pl.col("status") == "fitted")
    if fitted.is_empty():
        return []
    out = []
    days = int(fitted["updates"].max())  # type: ignore[arg-type]
    if days >= settings.after_days:
        out.append(f"made {days} days ago (limit {settings.after_days})")
    worse = fitted.filter(pl.col("state_error_p") < RARE / fitted.height).height
    if worse:
        out.append(f"state errors larger than before, beyond chance: {worse} patients")
    adapted = int(fitted["recent_adaptations"].sum())
    expected = fitted.height * days / YEAR * false_alarms_a_year
    if adapted > settings.adaptations and float(poisson.sf(adapted - 1, expected)) < RARE:
        out.append(
            f"{adapted} adaptations since they were made (limit {settings.adaptations}, by chance {expected:.1f})"
        )
    return out


def unanswered(drift: pl.DataFrame, twins: pl.DataFrame, retrainings: pl.DataFrame) -> pl.DataFrame:
    """Changes of a batch's patients for which no twins have been made anew yet.

    Args:
        drift: rows of `twin.drift`.
        twins: rows of `twin.twins`.
        retrainings: rows of `twin.retrainings`.
    """

    drift = current_rows(drift)
    answered = [twins["trained_on"].max(), retrainings["requested_on"].max()]
    latest = max((day for day in answered if day is not None), default=None)
    return drift if latest is None else drift.filter(pl.col("detected_on") > latest)


class CohortShift(NamedTuple):
    """Whether a cohort has changed as a whole, many persons a little."""

    figures: dict[str, float]
    problems: list[str]


RECENT, BEFORE = 14, 90
"""Days that are compared, and days before them that they are compared with."""

RARE = 1e-3
"""Probability of a test's alarm of nothing, shared out among the tests of one look."""


def cohort_shift(watched: pl.DataFrame, drift: pl.DataFrame, false_alarms_a_year: float) -> CohortShift:
    """Tests that see what no single patient shows: the last fortnight of all, each against his own quarter before.

    Patients are the units: means of their differences are held against their spread. Alarms are counted against what
    chance gives at the stated rate.

    Args:
        watched: rows of `twin.watch`.
        drift: rows of `twin.drift` of the same patients.
    """
    from scipy.stats import poisson, t

    last = watched["date"].max()
    if not isinstance(last, date):
        return CohortShift({}, [])
    recent = pl.col("date") > last - timedelta(days=RECENT)
    before = ~recent & (pl.col("date") > last - timedelta(days=RECENT + BEFORE))
    figures: dict[str, float] = {}
    problems: list[str] = []
    streams = {"state_error": "errors of the state-space model", "surprise": "surprise at diary entries"}
    for name, words in streams.items():
        own = watched.group_by("patient_id").agg(
            (pl.col(name).filter(recent).mean() - pl.col(name).filter(before).mean()).alias("shift")
        )
        shift = own["shift"].drop_nulls().to_numpy()
        if len(shift) < LEAST_PATIENTS or shift.std() == 0:
            continue
        z = float(shift.mean() / (shift.std(ddof=1) / np.sqrt(len(shift))))
        p = float(2 * t.sf(abs(z), len(shift) - 1))
        figures |= {f"{name} shift": float(shift.mean()), f"{name} p": p}
        if p < RARE / (len(streams) + 1):
            problems.append(f"cohort: {words} moved by {shift.mean():+.3f} over {RECENT} days (p = {p:.1g})")
    patients = watched["patient_id"].n_unique()
    alarms = drift.filter(pl.col("detected_on") > last - timedelta(days=RECENT)).height
    expected = patients * RECENT / YEAR * false_alarms_a_year
    figures |= {"alarms": float(alarms), "alarms by chance": expected}
    if float(poisson.sf(alarms - 1, expected)) < RARE / (len(streams) + 1):
        problems.append(f"cohort: {alarms} patients' alarms in {RECENT} days; chance gives {expected:.1f}")
    return CohortShift(figures, problems)
