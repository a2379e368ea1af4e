"""What a checkpoint is worth, on patients nobody learned from: forecasts against baselines and ceilings, questions.

Each score is a mean over windows with a 95 % interval; windows of one patient are few among many thousands, so that
they are counted as independent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import torch
from torch import Tensor

from migraine_platform.aline.network.heads import Posterior
from migraine_platform.aline.network.network import Aline
from migraine_platform.aline.policies.policies import Policy, information, run_policy
from migraine_platform.aline.scoring.calibration import PosteriorCalibration
from migraine_platform.aline.tasks.migraine_window import MigraineWindow
from migraine_platform.aline.tasks.task import Context
from migraine_platform.forecast_scores import expected_auc, expected_brier, log_loss, mean_and_margin
from migraine_platform.simulator.hourly.windows import HourlyWindows

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHUNK = 1024
"""Windows that the network looks at together."""


@dataclass(frozen=True)
class Score:
    """One row of `aline.scores`."""

    model: str
    subset: str
    metric: str
    value: float
    lower: float
    upper: float

    @classmethod
    def mean(cls, model: str, subset: str, metric: str, values: NDArray[np.float64]) -> Score:
        """The mean of some values, with its interval."""
        value, margin = mean_and_margin(values)
        return cls(model, subset, metric, value, value - margin, value + margin)

    @classmethod
    def single(cls, model: str, subset: str, metric: str, value: float) -> Score:
        """A figure without an interval of its own."""
        return cls(model, subset, metric, value, value, value)


def posterior_of(net: Aline, context: Context) -> Posterior:
    """The network's posterior, a chunk at a time."""
    parts = [net.posterior(net.encode(context.take(rows))) for rows in torch.split(torch.arange(len(context.x)), CHUNK)]
    fields = ("log_weight", "mean", "log_sd", "logit")
    return Posterior(*(torch.cat([getattr(part, name) for part in parts]) for name in fields))


@torch.no_grad()
def complete_day_scores(
    net: Aline,
    task: MigraineWindow,
    windows: HourlyWindows,
    baselines: Mapping[str, Callable[[HourlyWindows], NDArray[np.float64]]],
    ceiling: NDArray[np.float64] | None = None,
) -> tuple[list[Score], PosteriorCalibration]:
    """Scores of forecasts from complete windows, and the calibration of the posterior they come from.

    Args:
        ceiling: [W] forecasts of the Bayes predictor that sees the same windows.
    """
    episode = task.complete(windows)
    posterior = posterior_of(net, episode.context)
    forecasts = {name: forecast(windows) for name, forecast in baselines.items()}
    forecasts["aline"] = posterior.chance()[:, -1].double().numpy()
    if ceiling is not None:
        forecasts["bayes"] = ceiling
    forecasts["whole_truth"] = windows.probability
    scores = []
    own = log_loss(forecasts["aline"], windows.probability)
    for name, forecast in forecasts.items():
        loss = log_loss(forecast, windows.probability)
        if name != "aline":
            scores.append(Score.mean(name, "complete_day", "log_loss_behind_aline", loss - own))
        scores += [
            Score.mean(name, "complete_day", "log_loss", loss),
            Score.single(name, "complete_day", "auc", expected_auc(forecast, windows.probability)),
            Score.single(name, "complete_day", "brier", expected_brier(forecast, windows.probability)),
        ]
    found = PosteriorCalibration.of(task.layout.names, posterior, episode.truth)
    log_score = posterior.log_score(episode.truth).double().numpy()
    for k, name in enumerate(found.names):
        scores += [
            Score.mean("aline", "complete_day", f"log_density_{name}", log_score[:, k]),
            Score.single("aline", "complete_day", f"coverage_90_{name}", float(found.share[k])),
        ]
    return scores, found


@torch.no_grad()
def policy_information(
    net: Aline,
    task: MigraineWindow,
    windows: HourlyWindows,
    policies: Mapping[str, Policy],
    questions: int,
    goal: Tensor,
) -> dict[str, Tensor]:
    """[questions + 1, W] nats gained about the goal by each rule, on the same windows.

    Args:
        goal: [targets] which count.
    """
    gained = {}
    for name, policy in policies.items():
        episode = task.episode(windows)
        gained[name] = information(run_policy(net, episode, policy, questions), episode.truth, goal)
    return gained


def policy_scores(gained: Mapping[str, Tensor], questions: int) -> list[Score]:
    """Scores of the rules after so many questions, and by how much the learned one leads each, paired by window."""
    at = {name: nats[questions].double().numpy() for name, nats in gained.items()}
    subset = f"evening_{questions}_questions"
    scores = [Score.mean(name, subset, "information", nats) for name, nats in at.items()]
    for name, nats in at.items():
        if name != "aline":
            scores.append(Score.mean(name, subset, "information_behind_aline", at["aline"] - nats))
    return scores


def score_frame(scores: list[Score]) -> pl.DataFrame:
    """Rows of `aline.scores`, less the version."""

    return pl.DataFrame([vars(score) for score in scores])
