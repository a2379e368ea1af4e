"""Settings of the digital twins."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from migraine_platform.config.base import Frozen, NonNegative, Positive, Share, ShareRange
from migraine_platform.config.detectors import Detectors
from migraine_platform.domain.changes import CHANGE_KINDS

Count = Annotated[int, Field(ge=1)]


class MixtureOfExpertsSettings(Frozen):
    """The mixture of experts (`twin/dynamics/experts/`)."""

    width: Count
    top_k: Count
    steps: Count
    batch: Count
    learning_rate: Positive
    modality_dropout: Annotated[float, Field(ge=0, lt=1)]
    patients: Count
    """How many patients it learns from, at most."""


class TwinPopulationSettings(Frozen):
    """How the population is learned from its diaries (`twin/hazard/population.py`)."""

    patients: Count
    """How many patients the shared effects are learned from, at most."""
    state_space_patients: Count
    state_space_steps: Count
    points: Annotated[int, Field(ge=16, le=65536)]
    steps: Count
    trace_memory: Share
    """Share of the trace of recent migraine days that is left after a day."""


class TwinPromotionSettings(Frozen):
    """What forecasts must show before they are published (`twin/core/promotion_checks.py`)."""

    calibration_error: Share
    """Largest mean distance between said and realised shares."""
    coverage_90: ShareRange
    """How many of the true probabilities 90 % intervals may hold."""


class DriftDetectionSettings(Frozen):
    """How a change of a person is noticed, and what follows (`twin/drift/`)."""

    kinds: dict[str, Positive]
    """Prior of each kind of change: covariate, concept, label."""
    expected_share: Share
    """Prior share of covariate changes that are as clinicians expect them; the rest may be of any channel."""
    level_change: Positive
    """Standard deviation of changes of a hazard's level, log-odds."""
    memory_days: Annotated[float, Field(ge=2)]
    """Age at which a suspected change counts a third of a new one."""
    change_probability: Share
    """That a person of whom an alarm speaks did change on the day it names, before the days since then are weighed."""
    oldest_days: Annotated[int, Field(ge=7)]
    """How long ago a change that is examined may have begun."""
    false_alarms_a_year: Positive
    """Per patient, all detectors together."""
    likelihood_ratio_share: Annotated[float, Field(gt=0, lt=1)]
    """Of them; the classical detectors share the rest."""
    no_change_patients: Count
    """Simulated patients who do not change, by whom thresholds are found."""
    no_change_days: Annotated[int, Field(ge=120)]
    detectors: Detectors

    @model_validator(mode="after")
    def _kinds_are_known(self) -> DriftDetectionSettings:
        if sorted(self.kinds) != sorted(CHANGE_KINDS):
            raise ValueError(f"kinds must weigh {', '.join(CHANGE_KINDS)}")
        return self


class Retraining(Frozen):
    """When twins are retrained, and what must be seen before the new replace the old (`twin/updating/trials.py`)."""

    after_days: Count
    """Days since a batch's twins were made from the whole history."""
    adaptations: Count
    """More of them than this since they were made, and more than false alarms explain."""
    trial_nights: Count
    """Nights that both forecast before one of them is dropped."""
    least_gain: NonNegative
    """Log-likelihood by which a batch's challengers must be ahead in the end, all patients together."""
    cooldown_days: Annotated[int, Field(ge=0)]
    """After a request, before a batch's next one."""
    prior: Share
    """That the challenger of a patient whose change was noticed is the better twin."""


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
    population: TwinPopulationSettings
    experts: MixtureOfExpertsSettings
    promotion: TwinPromotionSettings
    drift: DriftDetectionSettings
    retraining: Retraining
