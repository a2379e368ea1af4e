"""Claim: at `literature` no figure of the realism table is outside of its reference; at `default` only those are that
the specification's own numbers demand.

MIGRAINE_PRESET=literature python benchmarks/realism.py [--patients 2000] [--days 120]

Every figure beside its reference, of the preset that the environment names.
"""

from __future__ import annotations

import argparse

import polars as pl
from measure import machine

from migraine_platform.config.loading import process_settings
from migraine_platform.priors.workbook.configured import configured_features
from migraine_platform.simulator.checks.realism import DAILY, realism_frame, view
from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator
from migraine_platform.simulator.cohort.parameter_fitting import fit_parameters

if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--patients", type=int, default=2000)
    arguments.add_argument("--days", type=int, default=120)
    asked = arguments.parse_args()
    chosen = process_settings()
    size = {"patients": asked.patients, "days": asked.days, "batch_size": asked.patients}
    ceilings = chosen.simulator.ceilings.model_copy(update={"oracle_patients": 0})
    cohort = chosen.simulator.cohort.model_copy(update=size)
    settings = chosen.simulator.model_copy(update={"cohort": cohort, "ceilings": ceilings})
    features = configured_features(chosen.priors)
    simulator = CohortSimulator(settings, features, fit_parameters(settings, features))
    tables = simulator.batch(0)
    days = tables["cohort.patient_days"].select("patient_id", "date", *DAILY)
    seen = view(days, tables["truth.patient_days"], tables["cohort.attacks"], tables["measured.patient_days"])
    frame = realism_frame(chosen.realism, seen, simulator.site_days())
    print(f"{machine()}; {asked.patients} patients x {asked.days} days")
    with pl.Config(tbl_rows=-1, tbl_cols=-1, fmt_str_lengths=60, tbl_width_chars=200, float_precision=3):
        print(frame.drop("reference"))
    print(f"outside: {frame.filter(pl.col('verdict') == 'outside')['figure'].to_list()}")
