"""Claim: the daily latent simulator is 100 times as fast as the loop that specifies it.

python benchmarks/latent_loop.py [patients days]

The baseline is the specification's loop, mended where it does not run: per patient and day every prior is drawn and
scored, Z moves on by A, B and noise of sd 0.1, a migraine is drawn from the logistic of w . Z + b. Ours is the whole
model, of which that is a part.
"""

from __future__ import annotations

import sys
from functools import partial

import numpy as np
from cohort_generation import in_memory
from measure import compare, machine

from migraine_platform.config import load_settings
from migraine_platform.priors.workbook.configured import configured_features
from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator
from migraine_platform.simulator.cohort.parameter_fitting import fit_parameters


def specified(features: list, latent: dict, patients: int, days: int) -> list[tuple]:
    """The specification's loop."""
    rng = np.random.RandomState(42)
    priors = {f.variable: (f.mean, f.sd, f.range_low, f.range_high, f.impact_pattern) for f in features}
    a, b, w, base = latent["A"], latent["B"], latent["w"], latent["b"]

    def score(value: float, low: float, high: float, pattern: tuple) -> float:
        tenth = int((value - low) / (high - low) * 10)
        return (pattern[min(max(tenth, 0), 9)] - 5.5) / 4.5

    history = []
    for _ in range(patients):
        z = np.zeros(4)
        for t in range(days):
            x = {v: score(rng.normal(mu, sd), low, high, s) for v, (mu, sd, low, high, s) in priors.items()}
            z = a @ z + b @ np.array(list(x.values())) + rng.randn(4) * 0.1
            y = rng.binomial(1, 1 / (1 + np.exp(-(w @ z + base))))
            history.append((t, *z, *x.values(), y))
    return history


if __name__ == "__main__":
    patients, days = (int(argument) for argument in sys.argv[1:3]) if len(sys.argv) > 2 else (1000, 180)
    chosen = load_settings("default")
    cohort = chosen.simulator.cohort.model_copy(update={"patients": patients, "days": days, "batch_size": 500})
    settings = chosen.simulator.model_copy(update={"cohort": cohort})
    features = configured_features(chosen.priors)
    simulator = CohortSimulator(settings, features, fit_parameters(settings, features))
    simulator.batch(0)
    latent = {
        "A": np.array(settings.latent.A),
        "B": np.array([settings.latent.B.get(feature.variable, (0.0,) * 4) for feature in features]).T,
        "w": np.array(settings.latent.w),
        "b": settings.latent.b,
    }
    baseline = partial(specified, list(features), latent, patients, days)
    ours, theirs = compare(partial(in_memory, simulator), baseline, runs=3)
    total = patients * days
    print(machine())
    print(f"{patients:,} patients x {days} days, medians of 3")
    print(f"platform {ours:.3f} s ({total / ours:,.0f} patient-days/s), loop {theirs:.1f} s ({total / theirs:,.0f})")
    print(f"ratio {theirs / ours:.0f}, target >= 100")
