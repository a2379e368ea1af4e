from __future__ import annotations

import numpy as np

from migraine_platform.domain.events import EVENTS
from migraine_platform.twin.hazard.counting import counted
from migraine_platform.twin.hazard.hypotheses import (
    FIRST_DAY,
    LATER_DAY,
    NOT_TOLD,
    OVER,
    RUNS,
    UNKNOWN_DAY,
    AttackEvidence,
)
from migraine_platform_tests.twin.modelled import effects_of

WENT_ON = {NOT_TOLD: (12, 30), OVER: (0, 40), RUNS: (42, 60)}
"""What the first evening tells -> of how many attacks how many went on."""


def test_attacks_that_go_on_are_counted_by_what_the_evening_told() -> None:
    """Two days of each: an attack begins, and goes on or not; three attacks are added, of which one does.

    One that is over is so at every age and with any drug, so that few diaries tell enough of it.
    """
    told = np.concatenate([np.full(total, tick) for tick, (_, total) in WENT_ON.items()])
    on = np.concatenate([np.arange(total) < yes for yes, total in WENT_ON.values()])
    events = np.zeros((len(told), 2, len(EVENTS)), dtype=bool)
    for name in ("has_migraine", "migraine_by_evening"):
        events[:, :, EVENTS.index(name)] = np.column_stack([np.ones_like(on), on])
    events[:, 0, EVENTS.index("onset")] = True
    evidence = AttackEvidence(
        diary=np.ones((len(told), 2), dtype=bool),
        events=events,
        headache=np.column_stack([told, np.full(len(told), NOT_TOLD)]),
        late=np.zeros((len(told), 2), dtype=bool),
        pain=np.zeros((len(told), 2)),
        begun=np.zeros(len(told), dtype=np.int64),
    )
    found = counted(evidence, effects_of(entry_odds=1.0)).lasting
    np.testing.assert_allclose(found[FIRST_DAY, 0, RUNS], 43 / 63)
    np.testing.assert_allclose(found[FIRST_DAY, 0, NOT_TOLD], (12 + 0 + 42 + 1) / (30 + 40 + 60 + 3))
    np.testing.assert_allclose(found[[FIRST_DAY, LATER_DAY, UNKNOWN_DAY], :, OVER], 1 / 43)
