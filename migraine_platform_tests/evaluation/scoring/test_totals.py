"""All replicates at once, against each replicate's days written out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.metrics import average_precision_score, roc_auc_score

from migraine_platform.evaluation.scoring.bootstrap import draws
from migraine_platform.evaluation.scoring.metrics import NAMES, figures
from migraine_platform.evaluation.scoring.totals import BLOCK, Cases, totals


def drawn(seed: int, patients: int = 9, count: int = 120, levels: int = 30) -> Cases:
    rng = np.random.default_rng(seed)
    return Cases(
        patient=rng.integers(0, patients, count),
        came=rng.random(count) < 0.3,
        full=np.where(rng.random(count) < 0.5, rng.random(count), np.nan),
        hours=np.where(rng.random(count) < 0.5, 30 * rng.random(count), np.nan),
        said=rng.integers(0, levels + 1, count) / levels,
        threshold=0.4,
    )


def written_out(some: Cases, counts: np.ndarray) -> Cases:
    """The replicate's days: of a patient drawn three times, three patients."""
    parts = [some.of(some.patient == patient) for patient in range(len(counts)) for _ in range(int(counts[patient]))]
    joined = [np.concatenate(column) for column in zip(*(part[:-1] for part in parts), strict=True)]
    joined[0] = np.repeat(np.arange(len(parts)), [len(part.said) for part in parts])
    return Cases(*joined, threshold=some.threshold)


@pytest.mark.parametrize("levels", [1, 4, 1000], ids=["all tied", "many ties", "few ties"])
def test_every_replicate_is_scored_as_its_days_written_out(levels: int) -> None:
    some = drawn(3, levels=levels)
    weights = draws(9, 2 * BLOCK + 5, 1)
    found = figures(totals(some, weights))
    for replicate in range(weights.shape[1]):
        slow = written_out(some, weights[:, replicate])
        expected = figures(totals(slow, np.ones((slow.patient.max() + 1, 1))))[0]
        assert_allclose(found[replicate], expected, rtol=1e-9, atol=1e-12, err_msg=str(replicate))


@examples(max_examples=30)
@given(seed=st.integers(0, 1000), levels=st.sampled_from([1, 3, 50]))
def test_ranks_of_replicates_are_those_of_scikit_learn(seed: int, levels: int) -> None:
    some = drawn(seed, patients=5, count=25, levels=levels)
    weights = draws(5, 12, seed)
    found = dict(zip(NAMES, figures(totals(some, weights)).T, strict=True))
    for replicate, counts in enumerate(weights.T):
        each = counts[some.patient]
        outcomes = set(some.came[each > 0])
        auc = roc_auc_score(some.came, some.said, sample_weight=each) if len(outcomes) == 2 else np.nan
        precision = average_precision_score(some.came, some.said, sample_weight=each) if True in outcomes else np.nan
        assert_allclose(found["auc_roc"][replicate], auc, rtol=1e-9, atol=1e-12)
        assert_allclose(found["pr_auc"][replicate], precision, rtol=1e-9, atol=1e-12)


def test_a_patient_who_is_not_drawn_counts_for_nothing() -> None:
    some = drawn(4)
    weights = np.ones((9, 2))
    weights[3, 1] = 0
    found = figures(totals(some, weights))[1]
    expected = figures(totals(some.of(some.patient != 3), np.ones((9, 1))))[0]
    assert_allclose(found, expected, rtol=1e-12)
