"""True effects: what each treatment would do to each patient, by paired worlds on days of their own.

The days that count do not depend on the cohort's horizon.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from migraine_platform.config.simulator.treatment import INTERVENTION_KINDS
from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator
from migraine_platform.simulator.cohort.interventions import Intervention, PairedWorlds
from migraine_platform.simulator.generative.profiles import first_patients

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl


def true_effects(simulator: CohortSimulator, progress: Callable[[str], None] = lambda line: None) -> pl.DataFrame:
    """Rows of `truth.interventions`: every treatment's effect on the first patients; `progress` is told a line each."""
    import polars as pl

    chosen = simulator.settings.interventions
    patients = first_patients(simulator.settings, chosen.patients)
    cohort = simulator.settings.cohort.model_copy(update={"days": chosen.after_days + chosen.days})
    settings = simulator.settings.model_copy(update={"cohort": cohort})
    own = CohortSimulator(settings, simulator.features, simulator.calibration)
    without = own.simulate(patients, None, chosen.replicates)
    frames = []
    for kind in INTERVENTION_KINDS:
        for name in getattr(settings.treatments, kind):
            worlds = PairedWorlds(without, own.simulate(patients, Intervention(name), chosen.replicates))
            days, days_error = worlds.days_a_month(chosen.after_days)
            hours, hours_error = worlds.hours_a_month(chosen.after_days)
            columns = {
                "days_a_month": days,
                "change_days_a_month": days,
                "days_error": days_error,
                "hours_a_month": hours,
                "hours_error": hours_error,
            }
            names = {"patient_id": patients.ids, "intervention": [name] * len(days), "kind": [kind] * len(days)}
            frames.append(pl.DataFrame({**names, **columns}))
            progress(f"{name}: {days.mean():+.2f} migraine days a month")
    return pl.concat(frames)
