from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch

from migraine_platform.aline.policies.policies import (
    InOrder,
    LearnedQuestions,
    RandomQuestions,
    information,
    run_policy,
)
from migraine_platform.aline.training.checkpoints import CheckpointError, load_network
from migraine_platform.aline.training.training import COLUMNS, Run
from migraine_platform.config.train import Train
from migraine_platform.warehouse.lake.places import RunFolder


def shorter(train: Train, **changes: object) -> Train:
    return train.model_copy(update={"steps": 12, "checkpoint_every": 4, "questions": 2, **changes})


class KilledError(Exception):
    pass


def weights(folder: Path, name: str = "best") -> dict[str, torch.Tensor]:
    return dict(load_network(folder / name)[0].state_dict())


def test_the_same_seed_trains_the_same_network(toy, train, tmp_path) -> None:
    for name in ("a", "b"):
        Run(toy, shorter(train), RunFolder(tmp_path / name), "c", "d").train()
    assert (tmp_path / "a" / "best.safetensors").read_bytes() == (tmp_path / "b" / "best.safetensors").read_bytes()
    Run(toy, shorter(train, seed=1), RunFolder(tmp_path / "c"), "c", "d").train()
    assert (tmp_path / "a" / "best.safetensors").read_bytes() != (tmp_path / "c" / "best.safetensors").read_bytes()


def test_a_killed_run_goes_on_as_if_nothing_had_happened(toy, train, tmp_path) -> None:
    settings = shorter(train)
    whole = Run(toy, settings, RunFolder(tmp_path / "whole"), "c", "d").train()

    def kill(step: int, metrics: dict[str, float]) -> None:
        if step == 8:
            raise KilledError

    with pytest.raises(KilledError):
        Run(toy, settings, RunFolder(tmp_path / "killed"), "c", "d", every=kill).train()
    again = Run(toy, settings, RunFolder(tmp_path / "killed"), "c", "d").train()
    assert again.resumed_at == 8
    assert again.card.weights == whole.card.weights
    columns = [name for name in COLUMNS if name != "seconds"]
    lines = [
        [[line[name] for name in columns] for line in csv.DictReader((tmp_path / name / "log.csv").open())]
        for name in ("whole", "killed")
    ]
    assert lines[0] == lines[1]
    assert len(lines[0]) == 12


def test_a_finished_run_is_not_repeated(toy, train, tmp_path) -> None:
    first = Run(toy, shorter(train), RunFolder(tmp_path), "c", "d").train()
    told: list[str] = []
    second = Run(toy, shorter(train), RunFolder(tmp_path), "c", "d", progress=told.append).train()
    assert second.card.weights == first.card.weights
    assert second.resumed_at == 12
    assert told == ["going on from step 12 of 12"]


def test_another_configuration_does_not_go_on_from_these_weights(toy, train, tmp_path) -> None:
    Run(toy, shorter(train), RunFolder(tmp_path), "c", "d").train()
    with pytest.raises(CheckpointError, match="holds a run of configuration c on data d; expected x on d"):
        Run(toy, shorter(train), RunFolder(tmp_path), "x", "d").train()


def test_the_log_is_a_table(toy, train, tmp_path) -> None:
    frame = Run(toy, shorter(train), RunFolder(tmp_path / "r"), "c", "d").train().frame()
    assert frame["step"].to_list() == list(range(1, 13))
    assert frame["validation_log_score"].drop_nulls().len() == 3
    assert set(frame["phase"]) <= {"random", "complete", "policy"}
    assert frame["auc"].is_between(0, 1).all()


@pytest.mark.slow
def test_training_learns_to_infer_and_to_ask(toy, train, tmp_path) -> None:
    """On fresh episodes the trained network's first question is the best one, and tells more than a random one."""
    settings = shorter(train, steps=600, batch=64, checkpoint_every=200, learning_rate=0.01)
    Run(toy, settings, RunFolder(tmp_path), "c", "d").train()
    net, _ = load_network(tmp_path / "best")
    goal = torch.tensor([True, True])
    gained = {}
    with torch.no_grad():
        for name, policy in {
            "learned": LearnedQuestions(),
            "random": RandomQuestions(0),
            "best": InOrder(torch.arange(6)),
        }.items():
            episode = toy.draw(4000, (7, 7))
            gained[name] = information(run_policy(net, episode, policy, 1), episode.truth, goal)[1]
        first = LearnedQuestions().choose(net, toy.draw(500, (8,)))
        complete = toy.draw_complete(2000, (9,))
        posterior = net.posterior(net.encode(complete.context))
    lead = gained["learned"] - gained["random"]
    assert lead.mean() > 3.3 * lead.std() / 4000**0.5
    assert (first == 0).float().mean() > 0.9
    inside = (posterior.cdf(complete.truth[:, :1]) - 0.5).abs() < 0.45
    assert 0.84 < inside.float().mean() < 0.96
