"""Claim: the cost of a cohort is linear in patients and in days: exponents of the fitted power laws at most 1.05.

python benchmarks/linear_cost.py
"""

from __future__ import annotations

import numpy as np
from cohort_generation import as_tables
from measure import machine, seconds

from migraine_platform.config import load_settings
from migraine_platform.priors.workbook.configured import configured_features
from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator
from migraine_platform.simulator.cohort.parameter_fitting import fit_parameters

RUNS = 5
PATIENTS, DAYS = (500, 1000, 2000, 4000, 8000), (90, 180, 360, 720, 1440)


def cost(base: CohortSimulator, patients: int, days: int) -> float:
    """Fastest of several runs: noise only ever adds."""
    cohort = base.settings.cohort.model_copy(update={"patients": patients, "days": days, "batch_size": 500})
    settings = base.settings.model_copy(update={"cohort": cohort})
    simulator = CohortSimulator(settings, base.features, base.calibration)
    return min(seconds(lambda: [None for frames in as_tables(simulator) if not frames]) for _ in range(RUNS))


if __name__ == "__main__":
    chosen = load_settings("default")
    ceilings = chosen.simulator.ceilings.model_copy(update={"oracle_patients": 0})
    settings = chosen.simulator.model_copy(update={"ceilings": ceilings})
    features = configured_features(chosen.priors)
    base = CohortSimulator(settings, features, fit_parameters(settings, features))
    base.batch(0)
    print(machine())
    for name, sizes, times in (
        ("patients", PATIENTS, [cost(base, patients, 90) for patients in PATIENTS]),
        ("days", DAYS, [cost(base, 500, days) for days in DAYS]),
    ):
        exponent = np.polyfit(np.log(sizes), np.log(times), 1)[0]
        shown = ", ".join(f"{size:,}: {took:.2f} s" for size, took in zip(sizes, times, strict=True))
        print(f"{name} ({shown}): exponent {exponent:.3f}, target <= 1.05")
