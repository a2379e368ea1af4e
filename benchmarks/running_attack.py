"""Claim: whether the headache is still there in the evening, one tick, improves tomorrow's forecast.

python benchmarks/running_attack.py [--patients 200] [--taught 400]

The population of the preset that the environment names, 180 days. Twins of patients never seen, made from diaries with
the tick and from the same diaries without it, and one logistic regression for everybody with the tick and without. Days
after the first 30; expected log loss is against the probability that the whole state gives; (b) is the filter that
knows a patient's parameters, and reads the tick.
"""

from __future__ import annotations

import argparse

import numpy as np
import polars as pl
from many_triggers import forecasts
from measure import machine
from twin_forecast import shared_logistic, within_auc

from migraine_platform.config import load_settings, resized
from migraine_platform.forecast_scores import calibration_error, log_loss
from migraine_platform.priors.workbook.configured import configured_features
from migraine_platform.simulator.checks.realism import auc
from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator
from migraine_platform.simulator.cohort.parameter_fitting import fit_parameters
from migraine_platform.simulator.generative.profiles import first_patients
from migraine_platform.twin.core import twins as twin
from migraine_platform.twin.core.model import Clinical, learn_model
from migraine_platform.twin.data.histories import histories
from migraine_platform.warehouse import tables

DAYS, WARM_UP, TICK = 180, 30, "headache_at_evening"


def main(patients: int, taught: int) -> None:
    """Simulate, learn with the tick and without it, compare on the same days."""
    settings = resized(load_settings(), patients=patients + taught, days=DAYS)
    features = configured_features(settings.priors)
    simulator = CohortSimulator(settings.simulator, features, fit_parameters(settings.simulator, features))
    frames = [simulator.batch(number)[tables.MeasuredDays.name] for number in range(settings.simulator.cohort.batches)]
    measured = pl.concat(frames)
    names = measured["patient_id"].unique(maintain_order=True).to_list()
    trajectories = simulator.trajectories(first_patients(settings.simulator, patients))
    full = trajectories.days.migraine_probability
    ill = trajectories.days.flag("has_migraine").astype(float)
    clinical, rows, others = Clinical.of(settings.simulator, features), slice(0, patients), slice(patients, None)
    said = {"(b)": simulator.filtered(trajectories, 64).forecast}
    wrote = np.zeros((patients, DAYS), dtype=bool)
    for label, days in (("with", measured), ("without", measured.with_columns(pl.lit(None, pl.Boolean).alias(TICK)))):
        everybody, _ = histories(days, names)
        own = everybody.of(rows)
        wrote[:, 1:] = own.diary[:, :-1]
        model = learn_model(everybody.of(others).until(120), clinical, settings.twin)
        _, replay = twin.create(model, clinical, model.points(settings.twin.points), everybody)
        said[f"logistic {label}"] = shared_logistic(replay, everybody, others, rows)
        said[f"twin {label}"] = forecasts(model, clinical, own, settings.twin.points)[0]
        said["climatology"] = twin.climatology(own)
    print(f"{settings.preset}: {patients} patients never seen x days {WARM_UP + 1} to {DAYS}")
    print(f"{'':18}{'all':>8}{'entry':>8}{'none':>8}{'AUC':>8}{'within':>8}{'ECE':>8}   by the evening's entry")
    late = np.broadcast_to(np.arange(DAYS) >= WARM_UP, wrote.shape)
    for label, p in said.items():
        losses = [log_loss(p[days], full[days]).mean() for days in (late, late & wrote, late & ~wrote)]
        y, f = ill[:, WARM_UP:], p[:, WARM_UP:]
        ranked = auc(y.ravel(), f.ravel()), within_auc(y, f), calibration_error(f.ravel(), y.ravel() > 0)
        print(f"{label:18}" + "".join(f"{value:8.4f}" for value in (*losses, *ranked)))


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--patients", type=int, default=200)
    arguments.add_argument("--taught", type=int, default=400)
    given = arguments.parse_args()
    print(machine())
    main(given.patients, given.taught)
