from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch

from migraine_platform.aline.network.heads import Posterior
from migraine_platform.aline.network.network import Aline
from migraine_platform.aline.scoring.baselines import BOOSTING, LOGISTIC, fit_baselines
from migraine_platform.aline.scoring.calibration import PosteriorCalibration
from migraine_platform.aline.scoring.promotion import (
    INFORMATION_BEHIND,
    LOG_LOSS_BEHIND,
    calibration_problems,
    score_checkpoint,
    unbeaten,
    unmatched,
)
from migraine_platform.aline.training.checkpoints import Card
from migraine_platform.forecast_scores import log_loss
from migraine_platform_tests.aline.conftest import SMALL


def normal(size: int, sd: float) -> tuple[Posterior, torch.Tensor]:
    """Truths that are N(0, 1), stated as N(0, sd)."""
    truth = torch.randn(size, 1, generator=torch.Generator().manual_seed(0))
    zero = torch.zeros(size, 1, 1)
    return Posterior(zero, zero, zero + np.log(sd), torch.zeros(size, 0)), truth


def test_true_uncertainty_is_found_true() -> None:
    found = PosteriorCalibration.of(("x",), *normal(4000, 1.0))
    assert found.share[0] == pytest.approx(0.9, abs=0.016)
    assert found.p_value[0] > 0.001


@pytest.mark.parametrize("sd", [0.8, 1.25])
def test_false_uncertainty_is_found_out(sd: float) -> None:
    found = PosteriorCalibration.of(("x",), *normal(4000, sd))
    assert abs(found.share[0] - 0.9) > 0.03
    assert found.p_value[0] < 1e-6


def scores(**rows: tuple[str, float, float, float]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {"model": model, "metric": metric, "value": v, "lower": lo, "upper": hi}
            for model, (metric, v, lo, hi) in rows.items()
        ]
    )


def test_a_rival_within_chance_blocks(train) -> None:
    frame = scores(
        base_rate=(LOG_LOSS_BEHIND, 0.1, 0.09, 0.11),
        logistic_regression=(LOG_LOSS_BEHIND, 0.001, -0.001, 0.003),
        random=(INFORMATION_BEHIND, 0.2, 0.1, 0.3),
    )
    assert unbeaten(frame, LOG_LOSS_BEHIND, ("base_rate",)) == []
    (problem,) = unbeaten(frame, LOG_LOSS_BEHIND, ("base_rate", "logistic_regression"))
    assert problem.startswith("logistic_regression is behind by 0.0010 nats")
    assert unbeaten(frame, INFORMATION_BEHIND, ("random", "fixed_hours")) == ["fixed_hours was not scored"]


def test_a_forecast_to_be_matched_may_be_level_but_not_ahead() -> None:
    level = scores(gradient_boosting=(LOG_LOSS_BEHIND, -0.0001, -0.0005, 0.0003))
    ahead = scores(gradient_boosting=(LOG_LOSS_BEHIND, -0.0005, -0.0009, -0.0001))
    assert unmatched(level, ("gradient_boosting",)) == []
    assert unmatched(ahead, ("gradient_boosting",)) == ["gradient_boosting is ahead by 0.0005 nats, more than chance"]
    assert unmatched(level, ("logistic_regression",)) == ["logistic_regression was not scored"]


def test_too_narrow_intervals_block(train) -> None:
    strict = train.model_copy(update={"promotion": train.promotion.model_copy(update={"coverage_90": (0.87, 0.93)})})
    frame = scores(aline=("coverage_90_z_stress", 0.80, 0.80, 0.80))
    (problem,) = calibration_problems(frame, strict)
    assert problem == "z_stress: 80.0 % of truths in stated 90 % intervals; expected 87 to 93 %"


def test_an_untrained_network_is_not_promoted(reference, train, settings) -> None:
    """The real thresholds, on a network that has learned nothing."""
    torch.manual_seed(0)
    layout = reference.task.layout
    net = Aline(layout, SMALL).eval()
    verdict = score_checkpoint(
        net, Card("migraine_window", layout, SMALL, "c", "d", 1, weights="a" * 64), reference, train
    )
    assert unbeaten(verdict.scores, LOG_LOSS_BEHIND, ("base_rate", "logistic_regression"))
    assert verdict.scores["version"].unique().to_list() == ["a" * 12]
    strict = train.model_copy(update={"promotion": train.promotion.model_copy(update={"coverage_90": (0.87, 0.93)})})
    assert calibration_problems(verdict.scores, strict)


def test_fitted_baselines_learn_from_labels(reference) -> None:
    rng = np.random.default_rng(0)
    fitted = fit_baselines(reference.task.simulator.draw(rng, 3000, complete=True), 0)
    windows = reference.scoring.simulator.draw(rng, 1500, complete=True)
    loss = {name: log_loss(forecast(windows), windows.probability).mean() for name, forecast in fitted.items()}
    assert max(loss[LOGISTIC], loss[BOOSTING]) < loss["personal_climatology"] < loss["base_rate"]
