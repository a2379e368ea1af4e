"""Figures of the days as they are, held against scikit-learn and plain arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from migraine_platform.evaluation.scoring.metrics import BY_NAME, FALSE_ALARM_RATE, METRICS, figures
from migraine_platform.evaluation.scoring.totals import Cases, totals
from migraine_platform.forecast_scores import SMALLEST

PATIENTS = 4


@st.composite
def cases(draw: st.DrawFn) -> Cases:
    """A few days of a few patients, with forecasts on twentieths: ties, zeros and ones; perhaps of one outcome only."""
    count = draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    share = draw(st.sampled_from([0.0, 0.2, 0.5, 1.0]))
    levels = draw(st.sampled_from([1, 3, 21]))
    came = rng.random(count) < share
    return Cases(
        patient=rng.integers(0, PATIENTS, count),
        came=came,
        full=np.where(rng.random(count) < 0.5, rng.random(count), np.nan),
        hours=np.where(came & (rng.random(count) < 0.5), 30 * rng.random(count), np.nan),
        said=rng.integers(0, levels, count) / 20,
        threshold=draw(st.sampled_from([0.0, 0.05, 0.3, 0.5, 1.0])),
    )


def measured(given_cases: Cases) -> dict[str, float]:
    found = figures(totals(given_cases, np.ones((PATIENTS, 1))))
    return dict(zip(BY_NAME, found[0], strict=True))


def same(found: float, expected: float | None) -> bool:
    return bool(np.isnan(found)) if expected is None else found == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(cases())
def test_scores_of_probabilities_are_those_of_scikit_learn(some: Cases) -> None:
    found = measured(some)
    kept = np.clip(some.said, SMALLEST, 1 - SMALLEST)
    assert same(found["log_loss"], reference.log_loss(some.came, kept, labels=[False, True]))
    assert same(found["brier"], ((some.said - some.came) ** 2).mean())
    if some.came.any() and not some.came.all():
        assert same(found["brier"], reference.brier_score_loss(some.came, some.said))
        assert same(found["auc_roc"], reference.roc_auc_score(some.came, some.said))
    else:
        assert same(found["auc_roc"], None)
    precision = reference.average_precision_score(some.came, some.said) if some.came.any() else None
    assert same(found["pr_auc"], precision)


@given(cases())
def test_auc_within_is_the_mean_of_patients_own(some: Cases) -> None:
    own = []
    for patient in range(PATIENTS):
        theirs = some.of(some.patient == patient)
        if theirs.came.any() and not theirs.came.all():
            own.append(reference.roc_auc_score(theirs.came, theirs.said))
    assert same(measured(some)["auc_within"], np.mean(own) if own else None)


@given(cases())
def test_figures_of_warnings_are_those_of_the_confusion_matrix(some: Cases) -> None:
    found = measured(some)
    warned = some.said >= some.threshold
    (quiet, alarms), (misses, hits) = reference.confusion_matrix(some.came, warned, labels=[False, True]).tolist()
    days = len(warned)

    def share(above: float, below: float) -> float | None:
        return above / below if below else None

    assert same(found["sensitivity"], share(hits, hits + misses))
    assert same(found["specificity"], share(quiet, quiet + alarms))
    assert same(found["ppv"], share(hits, hits + alarms))
    assert same(found["npv"], share(quiet, quiet + misses))
    assert same(found["f1"], share(2 * hits, 2 * hits + alarms + misses))
    assert same(found["warning_rate"], (hits + alarms) / days)
    assert same(found["recall"], share(hits, hits + misses))
    assert same(found["precision"], share(hits, hits + alarms))
    both_ways = min(hits + misses, quiet + alarms, hits + alarms, quiet + misses) > 0
    odds = (hits + 0.5) * (quiet + 0.5) / ((alarms + 0.5) * (misses + 0.5))
    assert same(found["diagnostic_odds_ratio"], odds if both_ways else None)
    t = some.threshold
    assert same(found["net_benefit"], hits / days - alarms / days * t / (1 - t) if t < 1 else None)


@given(cases())
def test_lead_time_is_what_warnings_at_one_false_alarm_in_five_give(some: Cases) -> None:
    """Warnings are given from the highest forecast down; days of the one at which the alarms run out share the rest."""
    left = FALSE_ALARM_RATE * (~some.came).sum()
    hours = 0.0
    for said in sorted(set(some.said.tolist()), reverse=True):
        equal = some.said == said
        others = (equal & ~some.came).sum()
        share = 1.0 if others <= left else left / max(others, 1)
        hours += share * np.nansum(some.hours[equal]) if left >= 0 else 0.0
        left = left - others if others <= left else -1.0
    attacks = (~np.isnan(some.hours)).sum()
    assert same(measured(some)["lead_time"], hours / attacks if attacks else None)


def test_lead_time_of_guessing_is_a_fifth_of_the_hours_and_of_knowing_all_of_them() -> None:
    came = np.tile([True, False, False], 400)
    hours = np.where(came, 15.0, np.nan)
    nothing = Cases(np.zeros(1200, dtype=np.int64), came, hours * np.nan, hours, np.full(1200, 0.3), 0.5)
    assert measured(nothing)["lead_time"] == pytest.approx(3.0)
    assert measured(nothing._replace(said=came * 0.9))["lead_time"] == pytest.approx(15.0)
    upside_down = nothing._replace(said=np.where(came, 0.1, 0.9))
    assert measured(upside_down)["lead_time"] == pytest.approx(0.0)


@given(cases())
def test_expected_log_loss_is_the_mean_over_both_outcomes(some: Cases) -> None:
    known = some.of(~np.isnan(some.full))
    kept = np.clip(known.said, SMALLEST, 1 - SMALLEST)
    expected = known.full * -np.log(kept) + (1 - known.full) * -np.log(1 - kept)
    assert same(measured(some)["expected_log_loss"], expected.mean() if len(expected) else None)


@given(cases())
def test_the_brier_score_falls_into_its_parts(some: Cases) -> None:
    """Murphy's identity is exact for forecasts replaced by their bin's mean."""
    bins = np.minimum((some.said * 10).astype(int), 9)
    means = np.array([some.said[bins == k].mean() if (bins == k).any() else 0 for k in range(10)])
    found = measured(some)
    parts = found["brier_reliability"] - found["brier_resolution"] + found["brier_uncertainty"]
    assert parts == pytest.approx(((means[bins] - some.came) ** 2).mean(), abs=1e-12)
    assert min(found["brier_reliability"], found["brier_resolution"], found["brier_uncertainty"]) >= 0


def test_calibration_error_by_hand() -> None:
    said = np.array([0.0, 0.05, 0.1, 0.19, 0.95, 1.0])
    came = np.array([False, True, False, False, True, True])
    some = Cases(np.zeros(6, dtype=int), came, np.full(6, np.nan), np.full(6, np.nan), said, 0.5)
    # bin 0: said .05 in all, came 1; bin 1: said .29, came 0; bin 9: said 1.95, came 2
    assert measured(some)["ece"] == pytest.approx((0.95 + 0.29 + 0.05) / 6)


def test_one_certain_error_costs_a_bounded_log_loss() -> None:
    some = Cases(np.zeros(1, dtype=int), np.array([True]), np.full(1, np.nan), np.full(1, np.nan), np.zeros(1), 0.5)
    assert measured(some)["log_loss"] == pytest.approx(-np.log(1e-6))


@given(cases())
def test_no_figure_is_infinite(some: Cases) -> None:
    assert not np.isinf(list(measured(some).values())).any()


def test_every_metric_is_told_to_people() -> None:
    assert len(BY_NAME) == len(METRICS)
    for metric in METRICS:
        assert metric.about.endswith(".")
        assert metric.title[0].isupper()
