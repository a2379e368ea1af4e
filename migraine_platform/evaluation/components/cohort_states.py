"""Errors of the twins' forecasts of the next day's state, over the cohort.

Belongs here: whose days, and which models. Does not: the errors (states.py).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from migraine_platform.config import Settings
from migraine_platform.evaluation.components.states import state_errors
from migraine_platform.priors.features import Feature
from migraine_platform.twin.cohort.inputs import Read, clinical_of, read_histories
from migraine_platform.twin.core import twins as twin
from migraine_platform.twin.core.model import TwinModel
from migraine_platform.twin.dynamics.experts.storage import load_experts
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.lake.places import Places

MOST_PATIENTS = 400
"""So many patients tell the errors to a few thousandths."""

FEW_POINTS = 16
"""Hypotheses of the hazard, which forecasts of the state do not look at."""


def cohort_state_errors(read: Read, settings: Settings, places: Places, features: tuple[Feature, ...]) -> pl.DataFrame:
    """Rows of `evaluation.state_errors`: the last validation days, of which the population has not learned."""
    model = TwinModel.from_frame(read(tables.TwinPopulation))
    histories = read_histories(read, settings).histories
    rows = np.linspace(0, histories.count - 1, min(histories.count, MOST_PATIENTS)).astype(np.int64)
    own = histories.of(rows)
    _, replay = twin.create(model, clinical_of(settings, features), model.points(FEW_POINTS), own)
    experts = load_experts(places.twins(f"experts-{model.version}"))
    return state_errors(model, experts, replay, own, settings.twin.validation_days)
