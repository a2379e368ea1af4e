"""Settings of the simulator: who the patients are, what their days are like, how attacks come."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from migraine_platform.config.base import Frozen, InputFile, NonNegative, Positive, Range, Share, ShareRange
from migraine_platform.config.simulator.attacks import AttackSettings
from migraine_platform.config.simulator.change import CouplingSettings, DriftSettings, Hormones
from migraine_platform.config.simulator.copula import Exogenous, Wearable
from migraine_platform.config.simulator.latent import Latent
from migraine_platform.config.simulator.measurement import Measurement
from migraine_platform.config.simulator.treatment import Treatments
from migraine_platform.config.simulator.trigger_columns import READ_VALUES, TriggerRules
from migraine_platform.config.simulator.triggers import Name
from migraine_platform.domain.exposures import DIET_COLUMNS

Hemisphere = Literal["north", "south"]
HEMISPHERES = get_args(Hemisphere)
WEATHER_ORIGINS = ("simulated", "station", "interpolated")
"""Where a site's day may come from."""


def batch_name(number: int) -> str:
    """Name of a patient batch, as the lake's partitions and the orchestrator's carry it."""
    return f"batch-{number:03d}"


def batch_number(name: str) -> int:
    """Inverse of `batch_name`."""
    return int(name.removeprefix("batch-"))


CHRONIC_FROM = 15
"""Days a month from which migraine is chronic (ICHD-3)."""


class Cohort(Frozen):
    """How many patients, for how long, and how they are cut into batches."""

    seed: Annotated[int, Field(ge=0, lt=2**63)]
    patients: Annotated[int, Field(ge=1, le=10_000_000)]
    days: Annotated[int, Field(ge=2, le=36_500)]
    start_date: Annotated[date, Field(ge=date(1900, 1, 1), le=date(2200, 1, 1))]
    batch_size: Annotated[int, Field(ge=1, le=100_000)]
    burn_in_days: Annotated[int, Field(ge=2, le=366)]

    @property
    def batches(self) -> int:
        """How many patient batches there are."""
        return math.ceil(self.patients / self.batch_size)

    @property
    def batch_names(self) -> list[str]:
        """Every batch, in order."""
        return [batch_name(number) for number in range(self.batches)]

    @property
    def last_date(self) -> date:
        """The last day."""
        return self.start_date + timedelta(days=self.days - 1)


class PopulationSettings(Frozen):
    """Shares and ranges that patients are drawn from. Frequencies are migraine days a month of 30 days."""

    chronic_share: Share
    aura_share: Share
    female_share: Share
    age: Range
    episodic_frequency: Range
    chronic_frequency: Range
    susceptibility: ShareRange

    @model_validator(mode="after")
    def _ages_are_adult(self) -> PopulationSettings:
        if not 18 <= self.age[0] <= self.age[1] <= 120:
            raise ValueError(f"age is {list(self.age)}; expected adults, 18 <= low <= high <= 120")
        return self

    @model_validator(mode="after")
    def _frequencies_fit_a_month(self) -> PopulationSettings:
        for name in ("episodic_frequency", "chronic_frequency"):
            low, high = getattr(self, name)
            if not 0 < low <= high < 30:
                raise ValueError(f"{name} is {[low, high]}; expected days a month, 0 < low <= high < 30")
        if not self.episodic_frequency[1] < CHRONIC_FROM <= self.chronic_frequency[0]:
            raise ValueError(
                f"episodic_frequency is {list(self.episodic_frequency)} and chronic_frequency "
                f"{list(self.chronic_frequency)}; expected below and from {CHRONIC_FROM} days a month (ICHD-3)"
            )
        return self


class Sleep(Frozen):
    """The night, beyond what its priors say."""

    weekend_extra_hours: NonNegative


class DiarySettings(Frozen):
    """Stress and diet, beyond what their priors say. Shares are of days, one drawn per person."""

    workday_extra_stress: NonNegative
    alcohol: ShareRange
    alcohol_weekend_extra: Share
    caffeine: ShareRange
    chocolate: ShareRange
    processed_food: ShareRange
    further: tuple[Name, ...] = ()
    """Features of the workbook that persons live and write down as well, beside those that a trigger reads."""


class Climate(Frozen):
    """Day-to-day weather of one kind of place."""

    pressure_sd: Positive
    pressure_lag1: Annotated[float, Field(ge=0, lt=1)]
    temperature_sd: Positive
    temperature_lag1: Annotated[float, Field(ge=0, lt=1)]
    humidity_sd: Positive


class Site(Frozen):
    """One place: simulated from its climate, or read from a weather station's file."""

    site_id: Annotated[str, Field(pattern=r"^S\d{2}$")]
    climate: str
    hemisphere: Hemisphere = "north"
    temperature_mean: Annotated[float, Field(ge=-60, le=60)]
    temperature_amplitude: NonNegative
    humidity_mean: Annotated[float, Field(ge=0, le=100)]
    pressure_mean: Annotated[float, Field(gt=850, lt=1100)]
    station: InputFile | None = None


Correlation = Annotated[float, Field(ge=0, lt=1)]


class WithFalls(Frozen):
    """What comes with a fall of air pressure: correlations of the day's weather, season aside, with it."""

    temperature: Correlation
    humidity: Correlation


class Weather(Frozen):
    """The sites, their climates, and how far a patient's weather may lie from the site's."""

    neighbours: Correlation
    """Between days of two sites of one climate in one hemisphere."""

    with_falls: WithFalls
    pressure_amplitude: NonNegative
    """hPa, of the yearly course: highest in the coldest days."""

    temperature_offset: NonNegative
    humidity_offset: NonNegative
    pressure_offset: NonNegative
    humidity_per_degree: float
    humidity_range: Range
    climates: dict[str, Climate]
    sites: Annotated[tuple[Site, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _sites_are_known(self) -> Weather:
        seen: set[str] = set()
        if not 0 <= self.humidity_range[0] < self.humidity_range[1] <= 100:
            raise ValueError(f"humidity_range is {list(self.humidity_range)}; expected 0 <= low < high <= 100")
        for site in self.sites:
            if site.climate not in self.climates:
                known = ", ".join(sorted(self.climates))
                raise ValueError(f'site {site.site_id} has climate "{site.climate}"; expected one of: {known}')
            if site.site_id in seen:
                raise ValueError(f"site {site.site_id} is declared twice")
            seen.add(site.site_id)
        return self


class Ceilings(Frozen):
    """The best forecast that the measured days allow, computed by a particle filter."""

    oracle_patients: Annotated[int, Field(ge=0)]
    """How many patients, from the first, have it computed."""

    particles: Annotated[int, Field(ge=8, le=100_000)]


class Interventions(Frozen):
    """The true effect of each treatment on each patient, by paired worlds."""

    patients: Annotated[int, Field(ge=0)]
    """How many patients, from the first, have it computed."""

    replicates: Annotated[int, Field(ge=2, le=1000)]
    after_days: Annotated[int, Field(ge=0, le=365)]
    """Days from the start of a treatment to the first that counts."""

    days: Annotated[int, Field(ge=28, le=730)]
    """How many days count."""


class ParameterFittingSettings(Frozen):
    """The reference cohort on which intercepts and trigger strengths are fitted once."""

    seed: Annotated[int, Field(ge=0, lt=2**63)]
    patients: Annotated[int, Field(ge=100)]
    start_date: date
    burn_in_days: Annotated[int, Field(ge=2, le=366)]
    days: Annotated[int, Field(ge=90)]
    iterations: Annotated[int, Field(ge=1)]


class Simulator(Frozen):
    """One generative model of a patient."""

    cohort: Cohort
    population: PopulationSettings
    exogenous: Exogenous
    wearable: Wearable
    sleep: Sleep
    diary: DiarySettings
    weather: Weather
    triggers: TriggerRules
    hormones: Hormones
    latent: Latent
    attacks: AttackSettings
    coupling: CouplingSettings
    drift: DriftSettings
    treatments: Treatments
    measurement: Measurement
    ceilings: Ceilings
    interventions: Interventions
    calibration: ParameterFittingSettings

    @property
    def further_features(self) -> tuple[str, ...]:
        """Features of the workbook that a day has beyond the specification's columns: triggers', then the diary's."""
        read = (column for row in self.triggers.values() for column in row.reads)
        beyond = (column for column in read if column not in (*READ_VALUES, *DIET_COLUMNS))
        return tuple(dict.fromkeys((*beyond, *self.diary.further)))

    @model_validator(mode="after")
    def _usual_drug_is_known(self) -> Simulator:
        if self.attacks.treated_with not in self.treatments.acute:
            known = ", ".join(sorted(self.treatments.acute))
            raise ValueError(f'attacks.treated_with is "{self.attacks.treated_with}"; expected one of: {known}')
        return self
