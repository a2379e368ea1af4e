"""Settings of the digital twins."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from migraine_platform.config.base import Frozen, Positive, Share, ShareRange

Count = Annotated[int, Field(ge=1)]


class Experts(Frozen):
    """The mixture of experts (`twin/experts/`)."""

    width: Count
    top_k: Count
    steps: Count
    batch: Count
    learning_rate: Positive
    modality_dropout: Annotated[float, Field(ge=0, lt=1)]
    patients: Count
    """How many patients it learns from, at most."""


class Population(Frozen):
    """How the population is learned from its diaries (`twin/population.py`)."""

    patients: Count
    """How many patients the shared effects are learned from, at most."""
    state_space_patients: Count
    state_space_steps: Count
    points: Annotated[int, Field(ge=16, le=65536)]
    steps: Count
    trace_memory: Share
    """Share of the trace of recent migraine days that is left after a day."""


class Promotion(Frozen):
    """What forecasts must show before they are published (`twin/judgement.py`)."""

    calibration_error: Share
    """Largest mean distance between said and realised shares."""
    coverage_90: ShareRange
    """How many of the true probabilities 90 % intervals may hold."""


class Twin(Frozen):
    """Digital twins, and the population they are shrunk to."""

    points: Annotated[int, Field(ge=16, le=65536)]
    """Hypotheses of who a patient is; a power of two spreads them evenly."""
    renewal: Share
    """Probability that a person changes overnight."""
    validation_days: Annotated[int, Field(ge=1)]
    """The patient's last days, on which a new twin is validated."""
    horizon_days: Annotated[int, Field(ge=1, le=60)]
    """Days ahead among which the useful horizon of state forecasts is looked for."""
    short_history_days: Annotated[int, Field(ge=0)]
    """A patient with fewer recorded days starts from ALINE's posterior, where a promoted checkpoint is there."""
    population: Population
    experts: Experts
    promotion: Promotion
