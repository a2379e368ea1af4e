"""Claim: a thousand twins are fitted in seconds, updated and asked in less than one.

python benchmarks/twin_speed.py [patients]

Fitting is the state space, triggers and symptoms of every patient from 180 days, given the population's model. The
baseline is statsmodels, patient by patient: a joint linear-Gaussian model of the 13 channels (DynamicFactor: a common
AR(1) factor, AR(1) rests) and a logistic regression of onsets on the triggers; a few patients are timed and multiplied.
Beside it the lightest baseline there is: 13 separate AR(1) (SARIMAX). Memory is the peak above what was there.
"""

from __future__ import annotations

import sys
import time
import tracemalloc
import warnings
from statistics import median

import numpy as np
import polars as pl
from measure import machine, seconds

from migraine_platform.config import load_settings
from migraine_platform.priors.workbook.configured import configured_features
from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator
from migraine_platform.simulator.cohort.parameter_fitting import fit_parameters
from migraine_platform.twin.core.model import Clinical, learn_model
from migraine_platform.twin.core.prediction import predict
from migraine_platform.twin.core.twins import Replay, create, update
from migraine_platform.twin.data.channels import CHANNELS, StandardDays
from migraine_platform.twin.data.histories import Histories, histories
from migraine_platform.twin.symptoms.progression import SIGNS, fit_symptoms
from migraine_platform.twin.triggers.analysis import days_of, interaction_frame, threshold_frame
from migraine_platform.twin.triggers.sensitivity import population_effect, sensitivities
from migraine_platform.warehouse import tables

BASELINE_PATIENTS = 3


def statsmodels_fit(days: StandardDays, replay: Replay, own: Histories, row: int, joint: bool) -> None:
    """One patient, the usual way."""
    import statsmodels.api as sm

    z = np.where(days.seen[row], days.z[row], np.nan)
    if joint:
        sm.tsa.DynamicFactor(z, k_factors=1, factor_order=1, error_order=1).fit(disp=False, maxiter=50)
    else:
        for c in range(len(CHANNELS)):
            sm.tsa.SARIMAX(z[:, c], order=(1, 0, 0), trend="c").fit(disp=False)
    reported = own.diary[row, 1:] & own.diary[row, :-1]
    x = sm.add_constant(replay.covariates.trigger[row][: len(reported)][reported])
    sm.Logit(own.events[row, 1:, 1][reported], x).fit_regularized(disp=False, alpha=0.1)


def main() -> None:
    """Time everything."""
    patients = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    settings = load_settings("default")
    features = configured_features(settings.priors)
    simulator = CohortSimulator(settings.simulator, features, fit_parameters(settings.simulator, features))
    frames = [simulator.batch(number) for number in range(settings.simulator.cohort.batches)]
    measured = pl.concat([frame[tables.MeasuredDays.name] for frame in frames])
    attacks = pl.concat([frame[tables.Attacks.name] for frame in frames])
    everybody, _ = histories(measured, measured["patient_id"].unique().to_list())
    own = everybody.of(slice(0, patients))
    clinical = Clinical.of(settings.simulator, features)
    begun = time.perf_counter()
    model = learn_model(everybody.until(120), clinical, settings.twin)
    learned_in = time.perf_counter() - begun
    points = model.points(settings.twin.points)
    signs = [CHANNELS.index(sign) for sign in SIGNS]

    def fit(some: Histories) -> None:
        twins, replay = create(model, clinical, points, some)
        sensitivities(points, model.effects, twins.filter_state)
        reported = days_of(points, model.effects, twins.filter_state, replay, some)
        threshold_frame(reported, some, clinical.prior.rules)
        interaction_frame(reported, some, population_effect(points, model.effects))
        days = model.scales.standard(some)
        theirs = attacks.filter(pl.col("patient_id").is_in(list(some.patient_ids)))
        fit_symptoms(some, theirs, days.z[..., signs], days.seen[..., signs]).to_frames()

    fit(own.of(slice(0, 20)))
    fitted = median(seconds(lambda: fit(own)) for _ in range(3))
    _, replay = create(model, clinical, points, own)
    yesterday, _ = create(model, clinical, points, own.until(own.days - 1))
    last = own.since(own.days - 2)
    updated = median(seconds(lambda: update(model, clinical, points, yesterday, last)) for _ in range(5))
    today, _ = update(model, clinical, points, yesterday, last)
    asked = median(seconds(lambda: predict(model, clinical, points, today)) for _ in range(5))
    days = model.scales.standard(own)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        statsmodels_fit(days, replay, own, 0, False)
        single = {}
        for name, joint in (("joint state space", True), ("separate AR(1)", False)):
            begun = time.perf_counter()
            for row in range(1, 1 + BASELINE_PATIENTS):
                statsmodels_fit(days, replay, own, row, joint)
            single[name] = (time.perf_counter() - begun) / BASELINE_PATIENTS
    print(machine())
    print(f"population learned in {learned_in:.1f} s from {len(model.patients)} patients x {model.days} days")
    print(f"fit {patients} x {own.days}: {fitted:.2f} s")
    for name, taken in single.items():
        print(f"statsmodels, {name}: {taken:.2f} s a patient: {taken * patients / fitted:.0f} x")
    print(f"update {patients} twins by a day: {updated:.3f} s; predict: {asked:.3f} s")
    for count in (patients // 4, patients // 2, patients):
        tracemalloc.start()
        fit(own.of(slice(0, count)))
        print(f"peak memory for {count} patients: {tracemalloc.get_traced_memory()[1] / 2**20:.0f} MiB")
        tracemalloc.stop()


if __name__ == "__main__":
    main()
