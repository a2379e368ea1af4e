"""Claim: twins do not take a pause of the diary for migraine: after it, too, they say as much as happens.

python benchmarks/pauses.py [--patients 200] [--taught 400]

The population of the preset that the environment names, 180 days, with its diaries kept evening by evening (a coin for
each) and as real people keep them (`simulator.measurement` of `literature`). Twins of patients never seen, with and
without what the population teaches of pauses, by how many evenings before the forecast have no entry. Expected log loss
is against the probability that the whole state gives; (b) is the filter that knows a patient's parameters.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from diaries import COINS, kept_as
from many_triggers import forecasts
from measure import machine
from unseen import Unseen, sizes

from migraine_platform.config import load_settings, resized
from migraine_platform.forecast_scores import log_loss
from migraine_platform.twin.core import twins as twin
from migraine_platform.twin.data.writing import silent_before

DAYS, WARM_UP = 180, 30
SILENT = {"any": (0, DAYS), "none": (0, 0), "1": (1, 1), "2 to 3": (2, 3), "4 to 10": (4, 10), "more": (11, DAYS)}


def world(name: str, measurement: dict[str, Any], patients: int, taught: int) -> None:
    """Simulate one kind of diaries, learn from some patients, forecast others, print."""
    settings = resized(load_settings(), patients=patients + taught, days=DAYS)
    simulated = kept_as(settings.simulator, measurement)
    people = Unseen.of(settings, simulated, patients)
    everybody, full, clinical = people.everybody(), people.full, people.clinical
    own, model = people.own(everybody), people.learned(everybody)
    blind = replace(model, effects=model.effects._replace(writing=np.zeros_like(model.effects.writing)))
    said = {
        "(b)": people.simulator.filtered(people.lived, 64).forecast,
        "twin": forecasts(model, clinical, own, settings.twin.points)[0],
        "without": forecasts(blind, clinical, own, settings.twin.points)[0],
        "climatology": twin.climatology(own),
    }
    print(f"{name}: entries on {100 * own.diary.mean():.0f} % of evenings; log-odds of an entry by silence ", end="")
    print(np.round(model.effects.writing, 2))
    header = "".join(f"{label + ' loss, said':>24}" for label in said)
    print(f"{'silent':>8}{'days':>8}{'truth said':>12}{header}")
    silent = silent_before(own.diary, own.begun)
    for label, (low, high) in SILENT.items():
        days = (silent >= low) & (silent <= high) & (np.arange(DAYS) >= WARM_UP)
        if days.sum() < 100:
            continue
        cells = "".join(f"{log_loss(p[days], full[days]).mean():16.4f}{p[days].mean():8.3f}" for p in said.values())
        print(f"{label:>8}{days.sum():8}{full[days].mean():12.3f}{cells}")


if __name__ == "__main__":
    given = sizes(taught=400).parse_args()
    print(machine())
    literature = load_settings("literature").simulator.measurement
    real = {name: getattr(literature, name) for name in COINS}
    world("evening by evening", COINS, given.patients, given.taught)
    world("as real people write", real, given.patients, given.taught)
