from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from migraine_platform.aline.network.network import Aline
from migraine_platform.aline.training.checkpoints import Card, CheckpointError, load_network, read_tensors, save_tensors
from migraine_platform_tests.aline.conftest import SMALL


@pytest.fixture
def saved(toy, net: Aline, tmp_path: Path) -> Path:
    card = Card("toy", toy.layout, SMALL, "c" * 16, "d" * 16, 7, {"log_score": -1.0})
    save_tensors(tmp_path / "best", net.state_dict(), card)
    return tmp_path / "best"


def test_a_round_trip_keeps_every_bit(toy, net: Aline, saved: Path) -> None:
    again, card = load_network(saved, tokens=(1, 1), data="d" * 16)
    assert all(torch.equal(a, b) for a, b in zip(net.state_dict().values(), again.state_dict().values(), strict=True))
    assert (card.task, card.layout, card.step, card.metrics) == ("toy", toy.layout, 7, {"log_score": -1.0})
    assert card.torch == torch.__version__
    assert json.loads(saved.with_suffix(".json").read_text())["weights"] == card.weights


def test_the_version_is_of_the_weights_alone(toy, net: Aline, tmp_path: Path) -> None:
    cards = [Card("toy", toy.layout, SMALL, "c", "d", step) for step in (1, 2)]
    versions = {save_tensors(tmp_path / str(card.step), net.state_dict(), card).version for card in cards}
    assert len(versions) == 1
    with torch.no_grad():
        net.start += 1
    assert save_tensors(tmp_path / "3", net.state_dict(), cards[0]).version not in versions


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda content: content[:100], "not a file of safetensors"),
        (lambda content: b"", "not a file of safetensors"),
        (lambda content: content[:-1] + bytes([content[-1] ^ 1]), "its card says"),
        (lambda content: content.replace(b'\\"format\\": 1', b'\\"format\\": 9'), "checkpoint of format 9"),
    ],
)
def test_damage_is_one_clear_sentence(saved: Path, damage, sentence: str) -> None:
    place = saved.with_suffix(".safetensors")
    place.write_bytes(damage(place.read_bytes()))
    with pytest.raises(CheckpointError, match=sentence):
        load_network(saved)


def test_a_file_without_a_card_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(2)}, tmp_path / "best.safetensors")
    with pytest.raises(CheckpointError, match="not the card of a checkpoint"):
        read_tensors(tmp_path / "best")


def test_a_mismatch_says_what_differs(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"trained for tokens of \(1, 1\) features; expected \(7, 41\)"):
        load_network(saved, tokens=(7, 41))
    with pytest.raises(CheckpointError, match=r"trained on data d{16}; expected e{16}"):
        load_network(saved, data="e" * 16)
    with pytest.raises(CheckpointError, match="no checkpoint here"):
        load_network(tmp_path / "other")


def test_tensors_of_another_network_are_refused(toy, net: Aline, tmp_path: Path) -> None:
    tensors = {name: tensor for name, tensor in net.state_dict().items() if name != "start"}
    save_tensors(tmp_path / "best", tensors, Card("toy", toy.layout, SMALL, "c", "d", 1))
    with pytest.raises(CheckpointError, match="do not fit"):
        load_network(tmp_path / "best")
