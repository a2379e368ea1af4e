"""Settings of what changes a day: coupling of attacks and days, the menstrual cycle, drift of persons."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from migraine_platform.config.base import Frozen, NonNegative, Positive, Range, Share
from migraine_platform.config.simulator.copula import DAY_FEATURES, EXOGENOUS_FEATURES, NIGHT_FEATURES
from migraine_platform.domain.changes import CHANGE_KINDS, CHANGE_SHAPES


def _of(names: tuple[str, ...]) -> AfterValidator:
    def known(shifts: dict[str, float]) -> dict[str, float]:
        unknown = sorted(set(shifts) - set(names))
        if unknown:
            raise ValueError(f"unknown feature {', '.join(unknown)}; expected some of: {', '.join(names)}")
        return shifts

    return AfterValidator(known)


class CouplingSettings(Frozen):
    """What attacks and stress do to the days, in standard deviations of the feature's prior."""

    pain_night: Annotated[dict[str, float], _of(NIGHT_FEATURES)]
    """After a night with headache."""

    pain_day: Annotated[dict[str, float], _of(DAY_FEATURES)]
    """On a day with headache before the evening."""

    stress_night: Annotated[dict[str, float], _of(NIGHT_FEATURES)]
    """Per standard deviation of yesterday's stress above the person's own level."""


class Hormones(Frozen):
    """The menstrual cycle."""

    menstruating_ages: Range
    """Of female patients."""

    cycle_days: Annotated[float, Field(ge=20, le=45)]
    between_sd: NonNegative
    within_sd: NonNegative
    cycle_range: Range

    @model_validator(mode="after")
    def _cycles_are_possible(self) -> Hormones:
        low, high = self.cycle_range
        if not 15 <= low <= self.cycle_days <= high <= 60:
            raise ValueError(f"cycle_range is {[low, high]}; expected 15 <= low <= cycle_days <= high <= 60")
        return self


class DriftSettings(Frozen):
    """Persons who change: how many may, how soon, how much."""

    share: Share
    """Of patients to whom a change may happen."""

    daily_hazard: Annotated[float, Field(gt=0, lt=1)]
    shapes: dict[str, NonNegative]
    """Weights of the shapes."""

    kinds: dict[str, NonNegative]
    """Weights of the kinds."""

    gradual_days: Positive
    """Days that a gradual change takes."""

    recurring_days: Annotated[float, Field(ge=2)]
    """Period of a recurring change: the first half of each is changed."""

    covariate_shift: Range
    """Strength of a covariate change, in standard deviations of the feature's prior."""

    covariate_features: dict[str, float]
    """Features that may move, with the sign in which they do."""

    concept_change: Range
    """Strength of a concept change: how far a susceptibility moves, up from below one half, else down."""

    label_log_odds: Range
    """Strength of a label change, on the hazard."""

    @model_validator(mode="after")
    def _names_are_known(self) -> DriftSettings:
        for name, expected in (("shapes", CHANGE_SHAPES), ("kinds", CHANGE_KINDS)):
            weights = getattr(self, name)
            if sorted(weights) != sorted(expected) or sum(weights.values()) <= 0:
                raise ValueError(f"{name} must weigh {', '.join(expected)}, one of them above 0")
        unknown = sorted(set(self.covariate_features) - set(EXOGENOUS_FEATURES))
        if unknown or not self.covariate_features:
            raise ValueError(f"covariate_features must be some of: {', '.join(EXOGENOUS_FEATURES)}")
        return self
