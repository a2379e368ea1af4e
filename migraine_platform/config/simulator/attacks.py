"""Settings of the attacks: their course, what leads up to them, what they leave behind."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from migraine_platform.config.base import Frozen, NonNegative, Positive, Range, Share


class Prodrome(Frozen):
    """Signs before the headache: a state that the hazard enters, and that leads to an attack or fades."""

    share_of_attacks: Annotated[float, Field(ge=0, lt=1)]
    conversion: Annotated[float, Field(gt=0, le=1)]
    """Share of prodromes that an attack follows; the others are false alarms."""

    under_an_hour: Share
    """Share of prodromes that last less than an hour."""

    mean_hours: Annotated[float, Field(gt=1)]


class CarryOver(Frozen):
    """What an attack does to the hazard of the next."""

    refractory_log_odds: Annotated[float, Field(le=0)]
    """On the day after a migraine day."""

    trace_log_odds: NonNegative
    """Of a trace that lies at 1 after migraine on every recent day, at 0 after none."""

    trace_memory: Annotated[float, Field(ge=0, lt=1)]
    """Share of the trace that a day leaves."""


class BetweenPersons(Frozen):
    """How much of the spread of attacks lies between persons, on a normal scale."""

    severity: Annotated[float, Field(ge=0, lt=1)]
    aura: Annotated[float, Field(ge=0, lt=1)]
    """Whether one comes, to a patient who has them."""
    prodrome: Annotated[float, Field(ge=0, lt=1)]
    """How long it lasts, as the postdrome."""
    postdrome: Annotated[float, Field(ge=0, lt=1)]
    headache: Annotated[float, Field(ge=0, lt=1)]
    """How long it lasts, untreated."""
    signs: Annotated[float, Field(ge=0, lt=1)]
    """Whether a prodrome comes before it."""


class SeverityWith(Frozen):
    """Correlations of an attack's severity, at a person, on a normal scale."""

    duration: Annotated[float, Field(ge=0, lt=1)]
    """With how long the headache lasts, untreated."""
    treatment: Annotated[float, Field(ge=0, lt=1)]
    """With how soon the person takes a drug: the worst attacks are treated first."""

    @model_validator(mode="after")
    def _something_is_left_to_chance(self) -> SeverityWith:
        if self.duration**2 + self.treatment**2 >= 1:
            raise ValueError(
                f"duration is {self.duration:g} and treatment {self.treatment:g}; expected squares that add up to less "
                "than 1"
            )
        return self


class AttackSettings(Frozen):
    """Course of an attack. Durations in hours, severity on a scale of 10."""

    onset_weight_by_hour: Annotated[tuple[NonNegative, ...], Field(min_length=24, max_length=24)]
    weekend_later: Annotated[float, Field(ge=0, le=6)]
    """Hours by which attacks begin later at weekends in the morning, less and less towards the evening."""
    duration: Range
    duration_median: Positive
    duration_log_sd: Positive
    treated_share: Share
    treated_with: str
    shortest_treated: Positive
    """Of headaches that a drug ends."""
    intake_delay: Annotated[float, Field(ge=0, le=24)]
    severity: Range
    aura_share_of_attacks: Share
    aura_minutes: Range
    postdrome: Range
    migraine_day_hours: Annotated[float, Field(gt=0, le=24)]
    between_persons: BetweenPersons
    severity_with: SeverityWith
    weekend_log_odds_sd: NonNegative
    """Between persons, of how much likelier an onset is at weekends than on workdays; nobody's on average."""
    prodrome: Prodrome
    carry_over: CarryOver

    @model_validator(mode="after")
    def _course_is_possible(self) -> AttackSettings:
        if not 4 <= self.duration[0] <= self.duration[1] <= 72:
            raise ValueError(f"duration is {list(self.duration)}; expected hours within 4 to 72 (ICHD-3)")
        if not self.shortest_treated <= self.duration[0]:
            raise ValueError(
                f"shortest_treated is {self.shortest_treated:g} h; expected at most {self.duration[0]:g} h, the "
                "shortest duration without a drug"
            )
        if not 0 <= self.severity[0] <= self.severity[1] <= 10:
            raise ValueError(f"severity is {list(self.severity)}; expected points within 0 to 10")
        if not 0 < self.aura_minutes[0] <= self.aura_minutes[1] <= 24 * 60:
            raise ValueError(f"aura_minutes is {list(self.aura_minutes)}; expected minutes, above 0 and within a day")
        if not 0 < self.postdrome[0] <= self.postdrome[1] <= 72:
            raise ValueError(f"postdrome is {list(self.postdrome)}; expected hours, above 0 and within 72")
        if not self.duration[0] < self.duration_median < self.duration[1]:
            raise ValueError(f"duration_median is {self.duration_median}; expected inside {list(self.duration)} h")
        if sum(self.onset_weight_by_hour) <= 0:
            raise ValueError("onset_weight_by_hour is zero everywhere; expected a weight for some hour")
        return self
