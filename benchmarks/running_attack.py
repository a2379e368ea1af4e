"""Claim: whether the headache is still there in the evening, one tick, improves tomorrow's forecast.

python benchmarks/running_attack.py [--patients 200] [--taught 400]

The population of the preset that the environment names, 180 days. Twins of patients never seen, made from diaries with
the tick and from the same diaries without it, and one logistic regression for everybody with the tick and without. Days
after the first 30; expected log loss is against the probability that the whole state gives; (b) is the filter that
knows a patient's parameters, and reads the tick.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from many_triggers import forecasts
from measure import machine
from twin_forecast import shared_logistic, within_auc
from unseen import Unseen, sizes

from migraine_platform.config import load_settings, resized
from migraine_platform.forecast_scores import calibration_error, log_loss
from migraine_platform.simulator.checks.realism import auc
from migraine_platform.twin.core import twins as twin

DAYS, WARM_UP, TICK = 180, 30, "headache_at_evening"


def main(patients: int, taught: int) -> None:
    """Simulate, learn with the tick and without it, compare on the same days."""
    settings = resized(load_settings(), patients=patients + taught, days=DAYS)
    world = Unseen.of(settings, settings.simulator, patients)
    full, ill = world.full, world.lived.days.flag("has_migraine").astype(float)
    said = {"(b)": world.simulator.filtered(world.lived, 64).forecast}
    wrote = np.zeros((patients, DAYS), dtype=bool)
    silent = world.measured.with_columns(pl.lit(None, pl.Boolean).alias(TICK))
    for label, days in (("with", world.measured), ("without", silent)):
        everybody = world.everybody(days)
        own, model = world.own(everybody), world.learned(everybody)
        wrote[:, 1:] = own.diary[:, :-1]
        _, replay = twin.create(model, world.clinical, model.points(settings.twin.points), everybody)
        said[f"logistic {label}"] = shared_logistic(replay, everybody, slice(patients, None), slice(0, patients))
        said[f"twin {label}"] = forecasts(model, world.clinical, own, settings.twin.points)[0]
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
    given = sizes(taught=400).parse_args()
    print(machine())
    main(given.patients, given.taught)
