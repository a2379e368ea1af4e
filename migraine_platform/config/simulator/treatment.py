"""Settings of what may be done about migraine: acute drugs, preventives, behaviour."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from migraine_platform.config.base import Frozen, Positive, Share
from migraine_platform.config.simulator.copula import EXOGENOUS_FEATURES

INTERVENTION_KINDS = ("acute", "preventive", "behaviour")
DIET = ("alcohol", "caffeine", "chocolate", "processed_food")


class Acute(Frozen):
    """A drug taken in an attack: it ends the headache with a hazard in proportion to its concentration."""

    pain_free_at_2h: Annotated[float, Field(gt=0, lt=1)]
    tmax_hours: Positive
    half_life_hours: Positive

    @model_validator(mode="after")
    def _is_absorbed_before_it_is_gone(self) -> Acute:
        if self.tmax_hours >= self.half_life_hours / 0.6931:
            raise ValueError(
                f"tmax_hours is {self.tmax_hours:g} with half_life_hours {self.half_life_hours:g}; expected a peak "
                f"before {self.half_life_hours / 0.6931:.2f} h, as with first-order absorption"
            )
        return self


class Preventive(Frozen):
    """A drug taken daily: it lowers the hazard."""

    days_a_month: Annotated[float, Field(lt=0, gt=-10)]
    """Change of migraine days a month against placebo, once it works fully."""

    onset_days: Positive
    """Time constant with which the effect builds up."""

    washout_days: Positive


class Behaviour(Frozen):
    """A change of habits: it moves features, and through them the hazard."""

    shift: dict[str, float] = Field(default_factory=dict)
    """By feature, in standard deviations of its prior."""

    spread: dict[str, Annotated[float, Field(gt=0, le=2)]] = Field(default_factory=dict)
    """By feature, factor on the person's day-to-day variation."""

    diet: dict[str, Share] = Field(default_factory=dict)
    """By item, factor on the share of days."""

    onset_days: Positive
    washout_days: Positive

    @model_validator(mode="after")
    def _features_are_known(self) -> Behaviour:
        unknown = sorted((set(self.shift) | set(self.spread)) - set(EXOGENOUS_FEATURES))
        if unknown:
            raise ValueError(f"unknown feature {', '.join(unknown)}; expected some of: {', '.join(EXOGENOUS_FEATURES)}")
        unknown = sorted(set(self.diet) - set(DIET))
        if unknown:
            raise ValueError(f"unknown item {', '.join(unknown)}; expected some of: {', '.join(DIET)}")
        return self


class Treatments(Frozen):
    """Everything that may be tried, by name."""

    acute: Annotated[dict[str, Acute], Field(min_length=1)]
    preventive: dict[str, Preventive]
    behaviour: dict[str, Behaviour]
