"""Persons who change on a day, drawn from the watch's own model (twin/modelled.py draws those who do not)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from migraine_platform.priors.vocabulary import TRIGGER_NAMES
from migraine_platform.simulator.generative.profiles import SusceptibilityPrior
from migraine_platform.twin.data.channels import CHANNELS
from migraine_platform.twin.drift.exposure_change import expectations
from migraine_platform.twin.drift.hazard_change import Grid
from migraine_platform.twin.drift.watch import Watcher
from migraine_platform.twin.hazard.covariates import Covariates
from migraine_platform.twin.hazard.hypotheses import AttackEvidence
from migraine_platform.twin.hazard.population import Personal
from migraine_platform_tests.twin.modelled import effects_of, live, triggers_alone

PERSONAL = Personal(-1.0 + 0.7 * ndtri(np.linspace(0.001, 0.999, 129)), SusceptibilityPrior.of_everybody(0.1, 1.0))
EFFECTS = effects_of(trigger=np.array([2.0, 2.0, 7.0, 2.0]), latent=np.array([1.0, 0.0, 0.0, 0.0]))
LEVEL_CHANGE = 0.7
RATE = 0.1 / 28
MEMORY = 1 - 1 / 60
STRESS, STRESSED = CHANNELS.index("stress_level"), TRIGGER_NAMES.index("stress")


class Days(NamedTuple):
    """What a watch is given."""

    covariates: Covariates
    evidence: AttackEvidence
    innovation: NDArray[np.float64]

    def of(self, rows) -> Days:
        return Days(
            Covariates(*(a[rows] for a in self.covariates)), self.evidence.of_patients(rows), self.innovation[rows]
        )

    def between(self, first: int, last: int) -> Days:
        days = slice(first, last)
        evidence = self.evidence.of_days(days)._replace(begun=self.evidence.begun - first)
        return Days(Covariates(*(part[:, days] for part in self.covariates)), evidence, self.innovation[:, days])


def watcher(memory: float = MEMORY) -> Watcher:
    channels = expectations({"stress_level": 1.0, "total_sleep_hours": -1.0}, 0.7)
    return Watcher(
        Grid.of(PERSONAL, LEVEL_CHANGE, EFFECTS.trigger), EFFECTS, np.array([0.1, 0.4, 0.5]), channels, memory, RATE
    )


def persons(seed: int, patients: int, days: int, kind: str = "", day: int = 0, size: float = 0.0) -> Days:
    """Persons of the grid; on `day` their level or their stress goes up by `size`, or their susceptibility to stress
    does where it was low, and down where it was high.

    A change of the hazard acts on the days from `day` on, hence from the evening before.
    """
    rng = np.random.default_rng(seed)
    points = Grid.of(PERSONAL, LEVEL_CHANGE, EFFECTS.trigger).points
    who = rng.choice(len(points.level), patients, p=np.exp(points.log_prior))
    covariates = triggers_alone(rng, patients, days, 0.3)
    really = covariates.latent.copy()
    if kind == "label":
        really[:, day - 1 :, 0] = size
    if kind == "concept":
        strength = EFFECTS.trigger * (covariates.trigger - covariates.baseline)
        moved = np.where(points.susceptibility[who, STRESSED] < PERSONAL.susceptibility.mean()[STRESSED], size, -size)
        really[:, day - 1 :, 0] = moved[:, None] * strength[:, day - 1 :, STRESSED]
    evidence = live(rng, points.level[who], points.susceptibility[who], EFFECTS, covariates._replace(latent=really))
    innovation = rng.normal(size=(patients, days, len(CHANNELS)))
    if kind == "covariate":
        innovation[:, day:, STRESS] += size
        innovation[:, day, STRESS] += 0.6 * size
    return Days(covariates, evidence, innovation)
