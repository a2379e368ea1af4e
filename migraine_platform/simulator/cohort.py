"""A cohort, batch by batch: patients, their days, their attacks, as frames of the declared tables.

simulator = CohortSimulator(settings.simulator, features, calibration)
tables = simulator.batch(0)["cohort.sleep_days"]
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from migraine_platform.config.copula import WEARABLE_FEATURES
from migraine_platform.config.simulator import Simulator, batch_name
from migraine_platform.priors.features import Feature
from migraine_platform.simulator.attacks import AttackHistory, Course, simulate_attacks
from migraine_platform.simulator.calendar import Calendar
from migraine_platform.simulator.calibration import Calibration
from migraine_platform.simulator.days import Columns, simulate_exposures, trigger_days
from migraine_platform.simulator.exogenous import exposure_copula, wearable_copula
from migraine_platform.simulator.frames import DIARY, SLEEP, WEATHER, Dated, attack_frame, patient_frame, truth_frame
from migraine_platform.simulator.measurement import measured_days, record
from migraine_platform.simulator.patients import Patients, draw_batch
from migraine_platform.simulator.weather import SiteWeather, simulate_sites, site_frame

if TYPE_CHECKING:
    import polars as pl
    from numpy import bool_
    from numpy.typing import NDArray


class CohortSimulator:
    """Simulates batches of one population; what all batches share is made once."""

    def __init__(self, settings: Simulator, features: Sequence[Feature], calibration: Calibration) -> None:
        self.settings = settings
        self.calibration = calibration
        self.calendar = Calendar.of(settings.cohort)
        self._copula = exposure_copula(features, settings.exogenous)
        self._wearable = wearable_copula(features, settings.wearable)
        self._course = Course.of(settings.attacks)

    @cached_property
    def sites(self) -> SiteWeather:
        """Weather of every site, burn-in included."""
        return simulate_sites(self.settings.weather, self.calendar, self.settings.cohort.seed)

    def site_days(self) -> pl.DataFrame:
        """Rows of `cohort.site_days`."""
        fall = self.settings.triggers.pressure_fall
        return site_frame(self.sites, self.settings.weather.sites, self.calendar, fall)

    def batch(self, number: int) -> dict[str, pl.DataFrame]:
        """The tables of one batch, by declared name."""
        patients = draw_batch(self.settings, number)
        exposures, triggers, history = self.live(patients)
        exposures |= self._wearable.simulate(patients.index, self.calendar.total, self.settings.cohort.seed, {})
        name = batch_name(number)
        dated = Dated(patients, self.calendar, name)
        joined = dated.joined(exposures, triggers, history)
        recorded = record(self.settings.measurement, patients.index, history.migraine, self.settings.cohort.seed)
        return {
            "cohort.patients": patient_frame(patients, name, [site.site_id for site in self.settings.weather.sites]),
            "cohort.weather_days": dated.frame(exposures, WEATHER),
            "cohort.sleep_days": dated.frame(exposures, SLEEP),
            "cohort.diary_days": dated.frame(exposures, DIARY),
            "cohort.wearable_days": dated.frame(exposures, WEARABLE_FEATURES),
            "cohort.attacks": attack_frame(history, patients, self.calendar),
            "cohort.patient_days": joined,
            "measured.patient_days": measured_days(joined, dated.kept(recorded.diary), dated.kept(recorded.device)),
            "truth.patients": truth_frame(patients, self.calibration),
            "truth.patient_days": dated.frame({"onset_probability": history.onset_probability}, ("onset_probability",)),
        }

    def live(self, patients: Patients) -> tuple[Columns, NDArray[bool_], AttackHistory]:
        """Exposures, triggers [P, T, 4] and attacks of some patients, burn-in included."""
        exposures = simulate_exposures(self.settings, self._copula, self.sites, patients, self.calendar)
        triggers = trigger_days(exposures, self.settings.triggers)
        history = simulate_attacks(
            self._course,
            triggers,
            self.calibration.intercept(patients),
            self.calibration.weights(patients),
            patients.has_aura,
            patients.index,
            self.settings.cohort.seed,
        )
        return exposures, triggers, history
