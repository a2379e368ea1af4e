"""The reference cohort: simulated patients who are in no cohort, in four groups that share nobody.

    training      whose days the network and the fitted baselines learn from
    validation    by whom the best checkpoint is chosen
    scoring       on whom it is judged
    reference     over whose days the Bayes predictor averages

Their horizon is the training's own, so that a longer cohort changes nothing here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

from migraine_platform.aline.tasks.migraine_window import MigraineWindow
from migraine_platform.config.settings import Settings
from migraine_platform.priors.features import Feature
from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator
from migraine_platform.simulator.cohort.fitted_parameters import FittedParameters
from migraine_platform.simulator.generative.dynamics import LatentDynamics
from migraine_platform.simulator.hourly.bank import REFERENCE, SCORING, TRAINING, VALIDATION, DayBank, fill_bank
from migraine_platform.simulator.hourly.window_posterior import BankPosterior
from migraine_platform.simulator.hourly.windows import WindowSimulator


class ReferenceCohort:
    """The four groups, each made when first asked for."""

    def __init__(
        self,
        settings: Settings,
        features: Sequence[Feature],
        calibration: FittedParameters,
        progress: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.hours, self.data = settings.hours, settings.train.data
        cohort = settings.simulator.cohort.model_copy(update={"days": self.data.days})
        population = settings.simulator.model_copy(update={"cohort": cohort})
        self.daily = LatentDynamics.daily(population.latent)
        self.simulator = CohortSimulator(population, features, calibration)
        self.progress = progress

    @cached_property
    def task(self) -> MigraineWindow:
        """Windows of the training group, validated on the validation group."""
        validation = self._windows(VALIDATION, self.data.validation_patients)
        return MigraineWindow(self._windows(TRAINING, self.data.training_patients), validation)

    @cached_property
    def scoring(self) -> MigraineWindow:
        """Windows of the scoring group, targets in the units of training."""
        return self.task.on(self._windows(SCORING, self.data.scoring_patients))

    def fresh(self, first: int, patients: int) -> MigraineWindow:
        """Windows of patients of whom nobody has heard, targets in the units of training.

        Args:
            first: number of the first of them.
        """
        return self.task.on(self._windows(first, patients))

    @cached_property
    def bayes(self) -> BankPosterior:
        """The Bayes predictor of complete windows."""
        return BankPosterior(self.hours, self.daily, self._bank(REFERENCE, self.data.reference_patients))

    def _windows(self, first: int, patients: int) -> WindowSimulator:
        return WindowSimulator(self.hours, self.daily, self.simulator.parameters.course, self._bank(first, patients))

    def _bank(self, first: int, patients: int) -> DayBank:
        bank = fill_bank(self.simulator, first, patients)
        self.progress(f"reference cohort: {patients:,} patients, {bank.size:,} days")
        return bank
