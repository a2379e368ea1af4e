"""Claims: what is stated of gaps, of the next day's state and of the next onset is true on days that nobody saw.

python benchmarks/twin_parts.py

The default population. Gaps: a fifth of the known values is deleted, one by one or in blocks of three days; the stated
90 % intervals should hold nine in ten. State: trained on 800 patients x 120 days, scored on the 200 others. Onsets:
learned on days 1-120, the days after are held out.
"""

from __future__ import annotations

import cohort_at_hand as at_hand
import numpy as np
import torch
from measure import machine

from migraine_platform.domain.events import EVENTS
from migraine_platform.research import imputation
from migraine_platform.twin.data.channels import Scales, StandardDays
from migraine_platform.twin.data.histories import Histories
from migraine_platform.twin.dynamics import state_space
from migraine_platform.twin.dynamics.experts.network import ExpertSettings, negative_log_likelihood
from migraine_platform.twin.dynamics.experts.training import fit
from migraine_platform.twin.dynamics.transition import StateSpace
from migraine_platform.twin.symptoms.survival import fit_onsets
from migraine_platform.warehouse import tables

TAIL = 1.6449


def gaps(days: StandardDays) -> None:
    """Delete, impute, count."""
    rng = np.random.default_rng(0)
    z, seen = days.z[:400], days.seen[:400]
    single = rng.random(seen.shape) < 0.2
    starts = rng.random(seen.shape) < 0.2 / 3
    blocks = starts.copy()
    for late in (1, 2):
        blocks[:, late:] |= starts[:, :-late]
    for name, gone in (("single values", single), ("blocks of three days", blocks)):
        kept = seen & ~gone
        deleted = seen & gone
        imputer = imputation.fit(np.where(kept, z, 0.0), kept)
        for causal in (False, True):
            found = imputer.impute(np.where(kept, z, 0.0), kept, causal=causal)
            held = np.abs(z - found.mean)[deleted] <= TAIL * np.sqrt(found.variance[deleted])
            print(f"gaps, {name}, {'past alone' if causal else 'both sides'}: hold {held.mean():.3f} of {held.size:,}")


def state(everybody: Histories) -> None:
    """Mean negative log-likelihood of a recorded value of the next day."""
    taught, others = everybody.of(slice(0, 800)).until(120), everybody.of(slice(800, None))
    scales = Scales.of(taught)
    days = scales.standard(others)
    dynamics, _ = state_space.fit(scales.standard(taught.of(slice(0, 150))), 10)
    experts = fit(scales.standard(taught), ExpertSettings())
    linear = StateSpace(dynamics, state_space.filter_histories(dynamics, days))
    for name, model in (("state space", linear), ("experts", experts)):
        mean, variance = model.predict(days)
        held = np.abs(days.z[:, 1:] - mean[:, :-1]) <= TAIL * np.sqrt(variance[:, :-1])
        score = negative_log_likelihood(mean, variance, days)
        print(f"next day's state, {name}: {score:.4f} nats a value; intervals hold {held[days.seen[:, 1:]].mean():.3f}")


def onsets(everybody: Histories, outcome: np.ndarray) -> None:
    """Said and realised shares of an onset within some days; what came is the truth, not what was written down.

    Args:
        outcome: [P, K] onsets.
    """
    known = everybody.until(120)
    events = {name: known.events[..., place] for place, name in enumerate(EVENTS)}
    found = fit_onsets(known.diary, events["onset"], events["has_migraine"], events["migraine_by_evening"])
    for days in (1, 2, 3, 7):
        share = outcome[:, 120 : 120 + days].any(axis=1).mean()
        print(f"onset within {days} days: said {found.within(days).mean():.3f}, came {share:.3f}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    cohort = at_hand.recorded()
    print(machine())
    gaps(Scales.of(cohort).standard(cohort))
    state(cohort)
    onsets(cohort, at_hand.rows(tables.PatientDays)["onset"].to_numpy().reshape(cohort.count, cohort.days))
