"""Claim: what the best forecasts reach: full state (a), known parameters (b), personal climatology.

python benchmarks/ceilings.py [patients days]

Expected log loss is taken against (a): the mean over days of the cross-entropy between (a)'s probability and the
forecast's, far less noisy than realised outcomes. Climatology forecasts a person's share of migraine days so far among
those recorded, shrunk towards the population's with the weight of ten days. Figures are over the 30 days that follow so
many days of history, AUC over all from the first of them on. The filter of (b) is run with 128 and 512 particles, to
show what its own noise costs. The ideal learner (c) takes an hour and stands beside the twins (twin_forecast.py).
"""

from __future__ import annotations

import sys
import time

import numpy as np
from measure import machine

from migraine_platform.config import load_settings
from migraine_platform.forecast_scores import log_loss
from migraine_platform.priors.workbook.configured import configured_features
from migraine_platform.simulator.checks.realism import auc
from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator
from migraine_platform.simulator.cohort.parameter_fitting import fit_parameters
from migraine_platform.simulator.generative.profiles import first_patients

PRIOR_DAYS = 10
HISTORIES = (30, 60, 120)
SPAN = 30


def climatology(migraine: np.ndarray, recorded: np.ndarray, population: float) -> np.ndarray:
    """[P, K] share of recorded migraine days before each day."""
    seen = np.cumsum(recorded, axis=1) - recorded
    found = np.cumsum(migraine * recorded, axis=1) - migraine * recorded
    return (found + PRIOR_DAYS * population) / (seen + PRIOR_DAYS)


def within_auc(migraine: np.ndarray, forecast: np.ndarray) -> float:
    """Mean over persons of their own AUC."""
    return float(np.nanmean([auc(days, p) for days, p in zip(migraine, forecast, strict=True)]))


if __name__ == "__main__":
    patients, days = (int(argument) for argument in sys.argv[1:3]) if len(sys.argv) > 2 else (400, 150)
    settings = load_settings("default")
    cohort = settings.simulator.cohort.model_copy(update={"patients": patients, "days": days})
    model = settings.simulator.model_copy(update={"cohort": cohort})
    features = configured_features(settings.priors)
    simulator = CohortSimulator(model, features, fit_parameters(model, features))
    trajectories = simulator.trajectories(first_patients(model, patients))
    migraine = trajectories.days.flag("has_migraine").astype(float)
    full = trajectories.days.migraine_probability
    begun = time.perf_counter()
    forecasts = {
        "(a) full state": full,
        "(b) known parameters, 512 particles": simulator.filtered(trajectories, 512).forecast,
        "(b) known parameters, 128 particles": simulator.filtered(trajectories, 128).forecast,
    }
    filtered_in = time.perf_counter() - begun
    forecasts["personal climatology"] = climatology(migraine, trajectories.recorded.diary, migraine.mean())
    print(machine())
    print(f"{patients:,} patients x {days} days; (b) in {filtered_in:.0f} s")
    print(f"{'':38}{'expected log loss after so many days':>38}{'pooled':>9}{'within':>8}")
    print(f"{'':38}" + "".join(f"{history:>12}" for history in HISTORIES) + f"{'AUC':>11}{'AUC':>8}")
    for name, forecast in forecasts.items():
        spans = [slice(history, min(history + SPAN, days)) for history in HISTORIES]
        losses = [log_loss(forecast[:, span], full[:, span]).mean() for span in spans]
        last = slice(HISTORIES[0], None)
        pooled = auc(migraine[:, last].ravel(), forecast[:, last].ravel())
        own = within_auc(migraine[:, last], forecast[:, last])
        print(f"{name:38}" + "".join(f"{loss:12.4f}" for loss in losses) + f"{pooled:11.3f}{own:8.3f}")
