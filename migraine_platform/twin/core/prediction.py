"""What twins say of tomorrow: probability, interval, confidence, reasons.

Belongs here: predictions and their rows. Does not: how they are made (filter.py, uncertainty.py) or kept (audit.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from migraine_platform.domain.events import EVENTS
from migraine_platform.twin.core.model import Clinical, TwinModel
from migraine_platform.twin.core.twins import TwinArrays
from migraine_platform.twin.data.histories import Histories
from migraine_platform.twin.hazard.contributions import FACTORS, PersonParameters, contributions, factor_sd
from migraine_platform.twin.hazard.covariates import Covariates
from migraine_platform.twin.hazard.hypotheses import Forecasts, Points
from migraine_platform.twin.hazard.outlook import foresee
from migraine_platform.twin.hazard.uncertainty import uncertainty

if TYPE_CHECKING:
    from numpy.typing import NDArray


BY_NOW = EVENTS.index("migraine_by_evening")
"""First of the events that a day's evening knows; those before are complete only on the next."""


class ForecastSpread(NamedTuple):
    """What P patients' twins say on K evenings of the day that follows; recalibrated."""

    probability: NDArray[np.float64]
    lower: NDArray[np.float64]
    """Lower end of the 90 % credible interval of the probability that the whole state would give."""
    upper: NDArray[np.float64]
    aleatoric: NDArray[np.float64]
    epistemic: NDArray[np.float64]

    def columns(self) -> dict[str, NDArray[np.float64]]:
        """By the names of `twin.predictions`."""
        return {**self._asdict(), "confidence": 1 - (self.upper - self.lower)}


def say(model: TwinModel, clinical: Clinical, forecasts: Forecasts, covariates: Covariates) -> ForecastSpread:
    """Forecasts as they are told: with intervals, and recalibrated where that is needed."""
    spread = uncertainty(forecasts, model.effects, covariates, clinical.prior.Q, clinical.atoms)
    mend = model.recalibration.apply
    return ForecastSpread(
        mend(forecasts.probability), mend(spread.lower), mend(spread.upper), spread.aleatoric, spread.epistemic
    )


@dataclass(frozen=True)
class TwinForecasts:
    """P patients' forecasts of one day."""

    patient_ids: tuple[str, ...]
    made_on: date
    probability: NDArray[np.float64]
    lower: NDArray[np.float64]
    """Lower end of the 90 % credible interval of the probability that the whole state would give."""
    upper: NDArray[np.float64]
    confidence: NDArray[np.float64]
    """One minus the interval's width."""
    aleatoric: NDArray[np.float64]
    epistemic: NDArray[np.float64]
    onset: NDArray[np.float64]
    """Of an onset, if no attack goes on."""
    goes_on: NDArray[np.float64]
    """That a running attack makes tomorrow a migraine day."""
    factors: NDArray[np.float64]
    """[P, FACTORS] log-odds; they add up to the probability's."""
    factor_sd: NDArray[np.float64]
    """[P, FACTORS] how uncertain each is; NaN where that cannot be said."""

    @property
    def for_date(self) -> date:
        """The day that is forecast."""
        return self.made_on + timedelta(days=1)

    @property
    def began(self) -> NDArray[np.float64]:
        """[P] probability of an onset tomorrow, an attack that goes on counting as none."""
        return np.maximum(self.probability - self.goes_on, 0.0)

    def to_frame(self) -> pl.DataFrame:
        """One row per patient."""

        numbers = {
            name: getattr(self, name)
            for name in ("probability", "lower", "upper", "confidence", "aleatoric", "epistemic")
        }
        keys = {"patient_id": self.patient_ids, "made_on": [self.made_on] * len(self.patient_ids)}
        return pl.DataFrame({**keys, "for_date": [self.for_date] * len(self.patient_ids), **numbers})

    def factor_frame(self) -> pl.DataFrame:
        """One row per patient and factor."""

        count = len(self.patient_ids)
        return pl.DataFrame(
            {
                "patient_id": np.repeat(self.patient_ids, len(FACTORS)),
                "for_date": [self.for_date] * (count * len(FACTORS)),
                "factor": np.tile(FACTORS, count),
                "log_odds": self.factors.ravel(),
                "sd": self.factor_sd.ravel(),
            }
        ).with_columns(pl.col("sd").fill_nan(None))


def predict(model: TwinModel, clinical: Clinical, points: Points, twins: TwinArrays) -> TwinForecasts:
    """Tomorrow, as of the twins' last evening."""
    return _told(model, clinical, points, twins, foresee(points, model.effects, twins.filter_state))


def _told(
    model: TwinModel, clinical: Clinical, points: Points, twins: TwinArrays, forecasts: Forecasts
) -> TwinForecasts:
    said = say(model, clinical, forecasts, twins.last)
    factors = contributions(
        PersonParameters.of(points, twins.filter_state), model.effects, twins.last, forecasts, said.probability
    )
    return TwinForecasts(
        patient_ids=twins.patient_ids,
        made_on=twins.as_of,
        **{name: values[:, 0] for name, values in said.columns().items()},
        onset=forecasts.onset[:, 0],
        goes_on=forecasts.goes_on[:, 0],
        factors=factors[:, 0],
        factor_sd=factor_sd(points, twins.filter_state, model.effects, twins.last),
    )


def input_hashes(histories: Histories) -> list[str]:
    """First digits of the hash of all that was recorded of each patient: the same days, the same hash."""
    import hashlib

    out, events = [], histories.events.copy()
    events[:, -1, :BY_NOW] = False
    for i in range(histories.count):
        digest = hashlib.sha256(str(histories.last).encode())
        first = histories.begun[i]
        for part in (histories.values, histories.present, events):
            digest.update(np.ascontiguousarray(part[i, first:]).tobytes())
        out.append(digest.hexdigest()[:12])
    return out
