"""Training: seeded by step, so that a run that was killed goes on from its last checkpoint as if nothing had happened.

    <folder>/log.csv              one line a step: loss, L_post, policy_loss, gain_loss, auc, brier on the step's fresh
                                  episodes before they are learned from; at a checkpoint also the validation's scores
    <folder>/last.safetensors     weights, their running average, and optimiser
    <folder>/best.safetensors     averaged weights with the best validation log score

Belongs here: the loop. Does not: what is minimised (objectives.py, episodes.py) or whether the result is good enough.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from migraine_platform.aline.network.network import Aline, Size
from migraine_platform.aline.policies.policies import LearnedQuestions, run_policy
from migraine_platform.aline.tasks.task import Episode, Task
from migraine_platform.aline.training.checkpoints import Card, CheckpointError, read_tensors, save_tensors
from migraine_platform.aline.training.episodes import Losses, prefix_losses, rollout_losses
from migraine_platform.aline.training.objectives import inference_loss
from migraine_platform.aline.training.teaching import CLIP, TRAINING, towards, warm_cosine
from migraine_platform.config.train import Train
from migraine_platform.forecast_scores import expected_auc, expected_brier
from migraine_platform.warehouse.lake.places import RunFolder, replace_file

if TYPE_CHECKING:
    import polars as pl


def scheduled(step: int, settings: Train) -> float:
    """Share of the learning rate on a step, by the configured schedule."""
    return 1.0 if settings.schedule == "constant" else warm_cosine(step, settings.steps, settings.rise_share)


VALIDATION = TRAINING + 1
"""First number of the seeds of validation episodes."""

AVERAGED_SHARE = 0.03
"""What is validated and kept are weights averaged over about this share of all steps."""

ALL_TARGETS_SHARE = 0.6
"""Of the rollouts, those whose goal is every target; the others aim at one group."""

USUAL_LENGTH_SHARE = 0.5
"""Of the rollouts, those that end just beyond the usual budget; the others go on to the horizon."""

TEXTS = ("step", "phase")
COLUMNS = (
    "step", "phase", "loss", "L_post", "policy_loss", "gain_loss", "auc", "brier", "validation_log_score", "seconds",
)  # fmt: skip


class TrainableTask(Task, Protocol):
    """A task that can also be looked at with everything known."""

    def draw_complete(self, size: int, seed: tuple[int, ...]) -> Episode:
        """Episodes with every question answered."""
        ...


@dataclass(frozen=True)
class Trained:
    """What a run came to."""

    folder: RunFolder
    card: Card
    """Of the best weights."""
    log: list[dict[str, str]]
    resumed_at: int
    """Step from which this process went on; 0 for a run from the start."""

    def frame(self) -> pl.DataFrame:
        """Rows of `aline.training_log`."""
        import polars as pl

        log = pl.DataFrame(self.log, schema=dict.fromkeys(COLUMNS, pl.String)).rename({"L_post": "l_post"})
        numbers = [pl.col(name).replace("", None).cast(pl.Float64) for name in log.columns if name not in TEXTS]
        run = pl.lit(self.folder.path.name)
        return log.with_columns(pl.col("step").cast(pl.Int64), *numbers, run=run).drop("seconds")


@dataclass
class Run:
    """One training run, in one folder."""

    task: TrainableTask
    settings: Train
    folder: RunFolder
    configuration: str
    data: str
    progress: Callable[[str], None] = lambda line: None
    every: Callable[[int, dict[str, float]], None] = lambda step, metrics: None
    """Told the validation's scores at each checkpoint."""
    log: list[dict[str, str]] = field(default_factory=list)

    def train(self) -> Trained:
        """Train to the configured number of steps, from the last checkpoint if there is one.

        Raises:
            CheckpointError: if the checkpoint in the folder is of another configuration, or damaged.
        """
        device = _device(self.settings.device)
        torch.set_num_threads(self.settings.threads)
        torch.manual_seed(self.settings.seed)
        net = Aline(self.task.layout, Size(**self.settings.network.model_dump())).to(device)
        optimiser = torch.optim.AdamW(
            net.parameters(), lr=self.settings.learning_rate, weight_decay=self.settings.weight_decay
        )
        average = AveragedModel(net, avg_fn=towards(1 - 1 / max(1.0, AVERAGED_SHARE * self.settings.steps)))
        kept = average.module
        assert isinstance(kept, Aline)
        first, best = self._resume(net, average, optimiser)
        if first:
            self.progress(f"going on from step {first} of {self.settings.steps}")
        if self.settings.compile:
            for layer in net.layers:
                layer.compile(dynamic=True)
        began = time.monotonic()
        for step in range(first, self.settings.steps):
            for group in optimiser.param_groups:
                group["lr"] = self.settings.learning_rate * scheduled(step, self.settings)
            with self._precision(device):
                losses, episode, phase = self._losses(net, step, device)
            optimiser.zero_grad()
            losses.total.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(net.parameters(), CLIP)
            optimiser.step()
            average.update_parameters(net)
            self.log.append(_line(step, phase, losses, episode))
            done = step + 1
            if done % self.settings.checkpoint_every == 0 or done == self.settings.steps:
                metrics = self.validate(kept, device)
                self.log[-1]["validation_log_score"] = f"{metrics['log_score']:.5f}"
                self.log[-1]["seconds"] = f"{time.monotonic() - began:.1f}"
                if best is None or metrics["log_score"] > best.metrics["log_score"]:
                    best = save_tensors(self.folder.best, kept.state_dict(), self._card(done, metrics))
                self._save(net, average, optimiser, done, metrics)
                self.every(done, metrics)
                self.progress(
                    f"step {done} of {self.settings.steps} ({phase}): validation log score {metrics['log_score']:.4f}"
                )
        assert best is not None
        return Trained(self.folder, best, self.log, first)

    def validate(self, net: Aline, device: torch.device) -> dict[str, float]:
        """Scores on patients kept for validation: after the policy's questions in the evening, and of complete days."""
        net.eval()
        size = self.settings.data.validation_windows // 2
        with torch.no_grad():
            asked = self.validation.draw(size, (VALIDATION, 0)).to(device)
            run_policy(net, asked, LearnedQuestions(), self.settings.questions)
            complete = self.validation.draw_complete(size, (VALIDATION, 1)).to(device)
            scores = [net.posterior(net.encode(one.context)).log_score(one.truth).mean() for one in (asked, complete)]
        net.train()
        return {
            "log_score": float((scores[0] + scores[1]) / 2),
            "log_score_asked": float(scores[0]),
            "log_score_complete": float(scores[1]),
        }

    @property
    def validation(self) -> TrainableTask:
        """The same task on other patients."""
        return getattr(self.task, "validation", self.task)

    def _losses(self, net: Aline, step: int, device: torch.device) -> tuple[Losses, Episode, str]:
        settings, seed = self.settings, (TRAINING, self.settings.seed, step)
        generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + step)
        kind = float(torch.rand((), generator=generator))
        horizon = self.task.layout.horizon
        if kind < settings.complete_share:
            episode = self.task.draw_complete(settings.batch, seed).to(device)
            posterior = net.posterior(net.encode(episode.context))
            inference = inference_loss(posterior, episode.truth, settings.objectives)
            zero = torch.zeros((), device=device)
            return Losses.of(inference, zero, zero, settings.objectives, posterior), episode, "complete"
        episode = self.task.draw(settings.batch, seed).to(device)
        if step < settings.warm_up * settings.steps or kind < (1 + settings.complete_share) / 2:
            return prefix_losses(net, episode, settings.objectives, generator, horizon), episode, "random"
        goal = _goal(self.task, generator).to(device)
        usual = float(torch.rand((), generator=generator)) < USUAL_LENGTH_SHARE
        length = min(settings.questions + 1, horizon) if usual else horizon
        return rollout_losses(net, episode, settings.objectives, generator, length, goal), episode, "policy"

    def _precision(self, device: torch.device) -> Any:
        on = self.settings.compile and device.type == "cuda"
        return torch.autocast("cuda", dtype=torch.bfloat16) if on else nullcontext()

    def _card(self, step: int, metrics: dict[str, float]) -> Card:
        size = Size(**self.settings.network.model_dump())
        return Card(self.task.name, self.task.layout, size, self.configuration, self.data, step, metrics)

    def _save(
        self, net: Aline, average: AveragedModel, optimiser: torch.optim.Optimizer, step: int, metrics: dict[str, float]
    ) -> None:
        tensors = {f"net.{name}": tensor for name, tensor in net.state_dict().items()}
        tensors |= {f"average.{name}": tensor for name, tensor in average.state_dict().items()}
        for number, state in optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{number}.{name}": torch.as_tensor(value) for name, value in state.items()}
        replace_file(self.folder.log, _csv(self.log))
        save_tensors(self.folder.last, tensors, self._card(step, metrics))

    def _resume(self, net: Aline, average: AveragedModel, optimiser: torch.optim.Optimizer) -> tuple[int, Card | None]:
        """Put the last checkpoint's state into all three; the step to go on from, and the best so far."""
        if not self.folder.last.with_suffix(".safetensors").is_file():
            return 0, None
        tensors, card = read_tensors(self.folder.last)
        if (card.configuration, card.data) != (self.configuration, self.data):
            raise CheckpointError(
                f"{self.folder.path.name}: holds a run of configuration {card.configuration} on data {card.data}; "
                f"expected {self.configuration} on {self.data}"
            )
        for prefix, module in (("net.", net), ("average.", average)):
            module.load_state_dict(
                {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
            )
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            if name.startswith("optimiser."):
                _, number, key = name.split(".")
                state.setdefault(int(number), {})[key] = tensor
        content = optimiser.state_dict()
        content["state"] = state
        optimiser.load_state_dict(content)
        _, best = read_tensors(self.folder.best)
        with self.folder.log.open(encoding="utf-8", newline="") as file:
            self.log = [line for line in csv.DictReader(file) if int(line["step"]) <= card.step]
        return card.step, best


def _goal(task: Task, generator: torch.Generator) -> Tensor:
    """[K] every target mostly, sometimes one group of them."""
    groups = task.layout.groups
    if float(torch.rand((), generator=generator)) < ALL_TARGETS_SHARE:
        return task.layout.chosen(groups)
    return task.layout.chosen((groups[int(torch.randint(0, len(groups), (), generator=generator))],))


def _line(step: int, phase: str, losses: Losses, episode: Episode) -> dict[str, str]:
    line = dict.fromkeys(COLUMNS, "")
    chances = losses.posterior.logit.shape[1]
    if chances:
        forecast = losses.posterior.chance().detach()[:, -1].double().cpu().numpy()
        truth = episode.truth[:, -1].double().cpu().numpy()
        line |= {"auc": f"{expected_auc(forecast, truth):.5f}", "brier": f"{expected_brier(forecast, truth):.5f}"}
    return line | {
        "step": str(step + 1),
        "phase": phase,
        "loss": f"{float(losses.total.detach()):.5f}",
        "L_post": f"{float(losses.inference):.5f}",
        "policy_loss": f"{float(losses.policy):.5f}",
        "gain_loss": f"{float(losses.gain):.5f}",
    }


def _csv(log: list[dict[str, str]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(log)
    return text.getvalue().encode()


def _device(name: str) -> torch.device:
    return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)
