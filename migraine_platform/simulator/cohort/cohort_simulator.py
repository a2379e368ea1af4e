"""A cohort, batch by batch: patients, their days, their attacks, as frames of the declared tables.

simulator = CohortSimulator(settings.simulator, features, calibration)
tables = simulator.batch(0)["cohort.sleep_days"]
worlds = simulator.paired(first_patients(settings.simulator, 50), Intervention("cgrp_antibody"), replicates=8)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from migraine_platform.config.simulator.settings import Simulator, batch_name
from migraine_platform.priors.features import Feature
from migraine_platform.priors.vocabulary import TRIGGER_NAMES
from migraine_platform.simulator.cohort.exposure import AverageDays, ExposureTables, average_days
from migraine_platform.simulator.cohort.fitted_parameters import FittedParameters
from migraine_platform.simulator.cohort.frames import DayFrames, attack_frame, patient_frame, truth_frame
from migraine_platform.simulator.cohort.interventions import (
    Intervention,
    PairedReplicates,
    PairedWorlds,
    replicated,
    under,
)
from migraine_platform.simulator.cohort.populate import baseline_day_effects, build_parameters, build_persons
from migraine_platform.simulator.exogenous.calendar import Calendar
from migraine_platform.simulator.exogenous.weather import SiteWeather, simulate_sites, site_frame
from migraine_platform.simulator.filtering.oracle import FilteredForecasts, RecordedEvidence, filter_days
from migraine_platform.simulator.generative.drift import TrueChanges, drift_frame
from migraine_platform.simulator.generative.measurement import Recorded, adherence, entry_chances, measured_days, record
from migraine_platform.simulator.generative.model import DayEffects, ModelParameters, Persons, SimulatedDays
from migraine_platform.simulator.generative.profiles import Profiles, draw_batch
from migraine_platform.simulator.generative.trajectories import simulate_days

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Trajectories:
    """What happened to some patients, and what of it was recorded."""

    patients: Profiles
    persons: Persons
    days: SimulatedDays
    recorded: Recorded


class CohortSimulator:
    """Simulates batches of one population; what all batches share is made once."""

    def __init__(self, settings: Simulator, features: Sequence[Feature], calibration: FittedParameters) -> None:
        self.settings = settings
        self.features = features
        self.calibration = calibration
        self.calendar = Calendar.of(settings.cohort)

    @cached_property
    def sites(self) -> SiteWeather:
        """Weather of every site, burn-in included."""
        return simulate_sites(self.settings.weather, self.calendar, self.settings.cohort.seed)

    @cached_property
    def parameters(self) -> ModelParameters:
        """The tabulated model."""
        return build_parameters(self.settings, self.features, self.calendar, self.sites, self.calibration.beta)

    @cached_property
    def exposure(self) -> ExposureTables:
        """What a person's own levels make of his days."""
        return ExposureTables.of(self.settings, self.parameters)

    @cached_property
    def day_effects(self) -> DayEffects:
        """Days as they come."""
        return baseline_day_effects(self.settings, self.parameters.copula, self.parameters.course, self.calendar)

    def site_days(self) -> pl.DataFrame:
        """Rows of `cohort.site_days`."""
        return site_frame(self.sites, self.settings.weather.sites, self.calendar, self.settings.triggers)

    def persons(self, patients: Profiles) -> Persons:
        """The patients with their calibrated intercepts."""
        made = self.parameters
        drawn = build_persons(self.settings, self.features, patients, made.copula, made.course, self.calendar)
        return drawn._replace(intercept=self.calibration.intercept(patients, self.average_days(drawn)))

    def average_days(self, persons: Persons) -> AverageDays:
        """What these persons' days are like on average."""
        return average_days(self.settings, self.parameters, self.exposure, persons)

    def trajectories(self, patients: Profiles, replicate: int = 0, change: TrueChanges | None = None) -> Trajectories:
        """Simulate some patients, and record what their diaries and devices would have.

        Args:
            replicate: of the draws; 0 is the cohort's.
            change: what changes in them instead of what the population's drift would.
        """
        persons = self.persons(patients)
        if change is not None:
            persons = persons._replace(change=change)
        days = simulate_days(
            self.parameters,
            persons,
            self.day_effects,
            SimulatedDays.empty(len(patients.index), self.calendar),
            replicate,
        )
        return Trajectories(patients, persons, days, self.record(patients, days, replicate))

    def record(self, patients: Profiles, days: SimulatedDays, replicate: int = 0) -> Recorded:
        """What diaries and devices recorded of these days."""
        evening = days.flag("migraine_by_evening")
        return record(
            self.settings.measurement, patients.index, evening, self.calendar, self.settings.cohort.seed, replicate
        )

    def measured(self, trajectories: Trajectories) -> pl.DataFrame:
        """Rows of `measured.patient_days` of some trajectories."""
        daily = DayFrames(trajectories.patients, trajectories.persons, trajectories.days, self.calendar, batch_name(0))
        return measured_days(daily.joined(), trajectories.recorded, self.settings.triggers)

    def batch(self, number: int, oracle: NDArray[np.float64] | None = None) -> dict[str, pl.DataFrame]:
        """The tables of one batch, by declared name.

        Args:
            oracle: [P, any] the best forecasts of its first days, if they are known; the others' are left out then.
        """
        trajectories = self.trajectories(draw_batch(self.settings, number))
        patients, persons, days = trajectories.patients, trajectories.persons, trajectories.days
        name = batch_name(number)
        daily = DayFrames(patients, persons, days, self.calendar, name)
        joined = daily.joined()
        usual = adherence(self.settings.measurement, patients.index, self.settings.cohort.seed)
        return {
            "cohort.patients": patient_frame(
                patients, persons, name, [site.site_id for site in self.settings.weather.sites]
            ),
            "cohort.weather_days": daily.weather(),
            "cohort.sleep_days": daily.sleep(),
            "cohort.diary_days": daily.diary(),
            "cohort.wearable_days": daily.wearable(),
            "cohort.attacks": attack_frame(days, patients, self.calendar, list(self.settings.treatments.acute)),
            "cohort.patient_days": joined,
            "measured.patient_days": measured_days(joined, trajectories.recorded, self.settings.triggers),
            "truth.patients": truth_frame(patients, persons, self.parameters.course, usual),
            "truth.patient_days": daily.truth(self.oracle(trajectories) if oracle is None else self._longer(oracle)),
            "truth.drift": drift_frame(persons.change, patients.ids, TRIGGER_NAMES, self.calendar),
        }

    def _longer(self, oracle: NDArray[np.float64]) -> NDArray[np.float64]:
        kept = oracle[:, : self.calendar.days]
        return np.pad(kept, ((0, 0), (0, self.calendar.days - kept.shape[1])), constant_values=np.nan)

    def oracle(self, trajectories: Trajectories) -> NDArray[np.float64]:
        """[P, K] the best forecast from the measured days and the patient's true parameters; NaN where not asked."""
        wanted = trajectories.patients.index < self.settings.ceilings.oracle_patients
        out = np.full(trajectories.days.at_risk.shape, np.nan)
        if wanted.any():
            out[wanted] = self.filtered(trajectories).forecast[wanted]
        return out

    def evidence(self, trajectories: Trajectories) -> RecordedEvidence:
        """What their diaries and devices recorded, as filters read it."""
        seed, index = self.settings.cohort.seed, trajectories.patients.index
        entries = entry_chances(self.settings.measurement, index, self.calendar.days, seed)
        return RecordedEvidence.of(self.parameters, trajectories.days, trajectories.recorded, entries)

    def filtered(self, trajectories: Trajectories, particles: int | None = None) -> FilteredForecasts:
        """What a filter that knows the patients' parameters makes of their measured days."""
        return filter_days(
            self.parameters,
            trajectories.persons,
            self.day_effects,
            self.evidence(trajectories),
            particles or self.settings.ceilings.particles,
        )

    def simulate(
        self, patients: Profiles, intervene: Intervention | None = None, replicates: int = 1
    ) -> PairedReplicates:
        """Live under other replicates than the cohort's, perhaps with an intervention.

        Raises:
            TreatmentError: if the treatment is not configured.
        """
        persons, day_effects = self.persons(patients), self.day_effects
        if intervene is not None:
            day_effects = under(day_effects, self.settings.treatments, self.calibration, self.calendar, intervene)

        def run(replicate: int) -> SimulatedDays:
            return simulate_days(
                self.parameters,
                persons,
                day_effects,
                SimulatedDays.empty(len(patients.index), self.calendar),
                replicate,
            )

        return replicated(run, replicates)

    def paired(self, patients: Profiles, intervene: Intervention, replicates: int) -> PairedWorlds:
        """The same patients without and with an intervention, under the same replicates."""
        return PairedWorlds(self.simulate(patients, None, replicates), self.simulate(patients, intervene, replicates))
