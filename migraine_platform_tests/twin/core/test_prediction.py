from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from migraine_platform.twin.core.prediction import BY_NOW, input_hashes, predict
from migraine_platform.twin.data.histories import Histories
from migraine_platform.twin.hazard.contributions import FACTORS, UNKNOWN
from migraine_platform.twin.hazard.hypotheses import LOGIT_STEP
from migraine_platform.twin.hazard.outlook import foresee
from migraine_platform.twin.hazard.uncertainty import Recalibration


def logit(p):
    return np.log(p) - np.log1p(-p)


@pytest.fixture(scope="module")
def said(model, clinical, built):
    """Forecasts as a recalibration of so much makes them."""

    def of(recalibration: Recalibration):
        return predict(replace(model, recalibration=recalibration), clinical, built.points, built.twins)

    return of


def test_intervals_are_ordered_and_say_how_sure_they_are(built) -> None:
    reported = built.predictions
    assert np.all((reported.lower > 0) & (reported.lower < reported.upper) & (reported.upper < 1))
    assert_array_equal(reported.confidence, 1 - (reported.upper - reported.lower))


def test_intervals_lie_about_their_forecasts(said) -> None:
    """A quantile of 5 % is at most sqrt(5 / 95) standard deviations above its distribution's mean (Cantelli).

    The distribution is counted in bins of the logit scale, of which one is at most LOGIT_STEP / 4 wide in p.
    """
    reported = said(Recalibration())
    margin = np.sqrt(reported.epistemic * 5 / 95) + LOGIT_STEP / 4
    assert np.all(reported.lower <= reported.probability + margin)
    assert np.all(reported.upper >= reported.probability - margin)
    assert_allclose(
        reported.aleatoric + reported.epistemic,
        reported.probability * (1 - reported.probability),
        rtol=0,
        atol=LOGIT_STEP / 4,
    )


def test_a_recalibration_moves_forecast_interval_and_reasons_alike(said) -> None:
    plain, mended = said(Recalibration()), said(Recalibration(0.4, 0.8))
    for name in ("probability", "lower", "upper"):
        moved = logit(getattr(mended, name))
        assert_allclose(moved, 0.4 + 0.8 * logit(getattr(plain, name)), rtol=0, atol=1e-9)
    assert_allclose(mended.factors.sum(axis=1), logit(mended.probability), rtol=0, atol=1e-9)
    others = np.arange(len(FACTORS)) != UNKNOWN
    assert_array_equal(mended.factors[:, others], plain.factors[:, others])


def test_the_day_that_is_forecast_is_the_next_one(built, histories) -> None:
    assert built.predictions.made_on == histories.last
    assert built.predictions.for_date == histories.last + timedelta(days=1)


def test_an_onset_is_what_remains_without_attacks_that_go_on(said, model, built) -> None:
    """Where the diary says whether an attack is there, that is the chance of an onset if none goes on."""
    reported, filter_state = said(Recalibration()), built.twins.filter_state
    forecasts = foresee(built.points, model.effects, filter_state)
    assert_allclose(reported.began, forecasts.probability[:, 0] - forecasts.goes_on[:, 0], atol=1e-12)
    certain = (filter_state.ill > 1 - 1e-9).all(axis=1) | (reported.goes_on < 1e-12)
    apart = forecasts.onset[:, 0] * (1 - forecasts.goes_on[:, 0])
    assert_allclose(reported.began[certain], apart[certain], atol=1e-9)


def test_rows_are_the_forecasts(built) -> None:
    reported, frame = built.predictions, built.predictions.to_frame()
    assert frame["patient_id"].to_list() == list(reported.patient_ids)
    assert frame["for_date"].unique().to_list() == [reported.for_date]
    for name in ("probability", "lower", "upper", "confidence", "aleatoric", "epistemic"):
        assert_array_equal(frame[name].to_numpy(), getattr(reported, name))
    sums = reported.factor_frame().group_by("patient_id", maintain_order=True).agg(pl.col("log_odds").sum(), "factor")
    assert sums["patient_id"].to_list() == list(reported.patient_ids)
    assert_allclose(sums["log_odds"].to_numpy(), logit(reported.probability), rtol=0, atol=1e-9)
    assert all(names == list(FACTORS) for names in sums["factor"].to_list())


def test_the_same_days_have_the_same_hash(histories) -> None:
    hashes = input_hashes(histories)
    assert len(set(hashes)) == histories.count
    assert input_hashes(histories.of(slice(5, 9))) == hashes[5:9]
    assert all(len(one) == 12 for one in hashes)
    copied = Histories(
        **{name: np.copy(part) if isinstance(part, np.ndarray) else part for name, part in vars(histories).items()}
    )
    assert input_hashes(copied) == hashes
    assert not set(input_hashes(histories.until(69))) & set(hashes)


def test_days_before_a_patient_joined_are_ignored(histories) -> None:
    """In a batch whose days begin before his, and in one whose days begin with his."""
    later = histories.since(30)
    begun = np.full(histories.count, 30)
    assert input_hashes(replace(histories, begun=begun)) == input_hashes(later)


@given(st.data())
@examples(max_examples=40)
def test_any_changed_value_is_another_hash(histories, data) -> None:
    name = data.draw(st.sampled_from(["values", "present", "events"]))
    part = getattr(histories, name)
    place = tuple(data.draw(st.integers(0, size - 1)) for size in part.shape)
    assume(name != "events" or place[1] < histories.days - 1 or place[2] >= BY_NOW)  # the rest is told tomorrow
    changed = part.copy()
    changed[place] = not part[place] if part.dtype == bool else np.nextafter(part[place], np.inf)
    before, after = input_hashes(histories), input_hashes(replace(histories, **{name: changed}))
    assert [one == other for one, other in zip(before, after, strict=True)] == [
        row != place[0] for row in range(histories.count)
    ]
