"""Settings of the hours of a day: what a device reads by itself, what a patient answers when asked, and when.

reading = loads . Z(h) + offset of the day + noise        per channel, in units of its own noise or thereabouts
"""

from __future__ import annotations

import math
from typing import Annotated, Final

from pydantic import Field, model_validator

from migraine_platform.config.base import Frozen, NonNegative, Positive, Share
from migraine_platform.config.simulator.latent import AXES

HOURS_A_DAY: Final = 24
TINY: Final = 1e-9
"""Added to shares, so that none is impossible."""
QUESTIONS: Final = ("stress_and_mood", "sleep", "intake", "body_signs")
"""Groups of prompts that are asked together, about one hour."""

DIET_ITEMS: Final = ("alcohol", "caffeine", "chocolate")
DAY_FACTS: Final = ("stress_rise", "sleep_hours", "fluid")
"""Facts of the day, in standard units; an answer tells them with an error that stays the same all day."""

FACT_OF: Final = {"stress_rise": "stress_and_mood", "sleep_hours": "sleep", "fluid": "intake"}

Hour = Annotated[int, Field(ge=0, le=HOURS_A_DAY)]


class Channel(Frozen):
    """One linear reading of the latent state."""

    loads: dict[str, float]
    """Units of the channel per unit of Z, by axis."""

    noise: Positive
    day_offset: NonNegative = 0.0
    """Standard deviation of an offset that lasts the day: a style of answering, a loose strap."""

    @model_validator(mode="after")
    def _loads_on_known_axes(self) -> Channel:
        unknown = sorted(set(self.loads) - set(AXES))
        if unknown or not self.loads:
            raise ValueError(f"loads on {', '.join(unknown) or 'nothing'}; expected some of: {', '.join(AXES)}")
        return self


class Waking(Frozen):
    """When a person is awake."""

    gets_up: Hour
    goes_to_bed: Hour
    spread_hours: NonNegative

    @model_validator(mode="after")
    def _up_before_bed(self) -> Waking:
        if self.gets_up >= self.goes_to_bed:
            raise ValueError(f"gets_up is {self.gets_up}, goes_to_bed {self.goes_to_bed}; expected the first before")
        return self


class Fact(Frozen):
    """A fact of the day in standard units, and how well it is told."""

    mean: float
    sd: Positive
    error: Positive
    """Standard deviation, in standard units, of the error with which the patient tells it; the same all day."""


class Intake(Frozen):
    """Meals: when what is taken, and what an answer covers."""

    hours: dict[str, tuple[Hour, Hour]]
    """First and last hour at which an item is taken, by item."""

    covers_hours: Annotated[int, Field(ge=1, le=HOURS_A_DAY)]
    """An answer about an hour tells what was taken in so many hours up to it."""

    remembered: Share

    @model_validator(mode="after")
    def _every_item_has_its_hours(self) -> Intake:
        if sorted(self.hours) != sorted(DIET_ITEMS):
            raise ValueError(f"hours of {', '.join(sorted(self.hours))}; expected exactly {', '.join(DIET_ITEMS)}")
        return self


class Device(Frozen):
    """The wearable within a day."""

    day_off_share: Share
    """Of days without it."""

    gap_share: Share
    """Of days with a gap of some hours."""

    gap_hours: Annotated[int, Field(ge=1, le=HOURS_A_DAY)]
    """Longest such gap."""

    sleep_error: Positive
    """Standard deviation of its error in the hours slept, in standard units."""


class SignSettings(Frozen):
    """Signs of the body that come with a prodrome or a headache, and sometimes without."""

    during: Share
    otherwise: Share

    @property
    def evidence(self) -> tuple[float, float]:
        """What no and yes tell of an hour, in nats: log-likelihood ratios of one in which signs come."""
        no = math.log((1 - self.during + TINY) / (1 - self.otherwise + TINY))
        return no, math.log((self.during + TINY) / (self.otherwise + TINY))


class Hours(Frozen):
    """A day, hour by hour."""

    waking: Waking
    passive: dict[str, Channel]
    """Known without asking while the device is worn; a channel named barometer comes from the station, always."""

    prompts: dict[str, dict[str, Channel]]
    """Known where asked, by question."""

    facts: dict[str, Fact]
    intake: Intake
    device: Device
    signs: SignSettings
    recall_hours: dict[str, Annotated[int, Field(ge=1, le=HOURS_A_DAY)]]
    """How long an hour can be recalled, by question."""

    evening: Hour
    """The hour at which questions are usually asked."""

    @model_validator(mode="after")
    def _names_are_the_known_ones(self) -> Hours:
        for name, found, expected in (
            ("prompts", self.prompts, [question for question in QUESTIONS if question != "intake"]),
            ("facts", self.facts, DAY_FACTS),
            ("recall_hours", self.recall_hours, QUESTIONS),
        ):
            if sorted(found) != sorted(expected):
                raise ValueError(f"{name} of {', '.join(sorted(found))}; expected exactly {', '.join(expected)}")
        return self
