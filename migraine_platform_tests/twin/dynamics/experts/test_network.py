"""The mixture of experts against a process whose best forecast is known: z[t+1] = A z[t] + noise."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from safetensors.torch import load, save

from migraine_platform.twin.data.channels import CHANNELS, CONTEXT, StandardDays
from migraine_platform.twin.dynamics.experts.inputs import HALF_LIVES, MODALITIES, ExpertsError, tracks, without
from migraine_platform.twin.dynamics.experts.network import (
    EXPERTS,
    ExpertNet,
    Experts,
    ExpertSettings,
    negative_log_likelihood,
)
from migraine_platform.twin.dynamics.experts.storage import load_experts, save_experts
from migraine_platform.twin.dynamics.experts.training import fit

torch.set_num_threads(1)  # networks this small gain nothing from more, and lose much where cores are busy
C, X = len(CHANNELS), len(CONTEXT)
SETTINGS = ExpertSettings(steps=400, batch=256, checks=5, modality_dropout=0.15)
WITHIN = 1.6448536269514722  # standard deviations around the mean that hold 90 %


@dataclass(frozen=True)
class Process:
    """Every channel has variance 1 in the long run."""

    carry: NDArray[np.float64]
    noise: NDArray[np.float64]  # variances

    def days(self, patients: int, count: int, seed: int) -> StandardDays:
        rng = np.random.default_rng(seed)
        z = np.zeros((patients, 30 + count, C))
        for t in range(1, 30 + count):
            z[:, t] = z[:, t - 1] @ self.carry.T + rng.normal(size=(patients, C)) * np.sqrt(self.noise)
        return of(z[:, 30:])


def of(z: NDArray[np.float64]) -> StandardDays:
    """Everything recorded, and nothing but weekdays without an attack."""
    shape = z.shape[:2]
    context = np.zeros((*shape, X))
    return StandardDays(z, np.ones_like(z, bool), context, np.ones_like(context, bool), np.zeros(shape[0], np.int64))


@pytest.fixture(scope="module")
def process() -> Process:
    from scipy.linalg import solve_discrete_lyapunov

    rng = np.random.default_rng(5)
    carry = rng.normal(size=(C, C)) + 2 * np.eye(C)
    carry *= 0.85 / np.abs(np.linalg.eigvals(carry)).max()
    noise = rng.uniform(0.3, 1.0, C)
    scale = np.sqrt(np.diag(solve_discrete_lyapunov(carry, np.diag(noise))))
    return Process(carry * scale / scale[:, None], noise / scale**2)


@pytest.fixture(scope="module")
def learned(process) -> Experts:
    return fit(process.days(200, 80, 1), SETTINGS)


@pytest.fixture(scope="module")
def unseen(process) -> StandardDays:
    return process.days(100, 60, 2)


@pytest.fixture(scope="module")
def untrained() -> Experts:
    torch.manual_seed(3)
    net = ExpertNet(ExpertSettings(width=8))
    with torch.no_grad():
        for value in net.parameters():
            value += 0.2 * torch.randn_like(value)
    return Experts(net, ExpertSettings(width=8), 0.0, 0)


def gappy(days: StandardDays, seed: int = 4) -> StandardDays:
    """Days of which every other week of each modality is missing, by chance."""
    rng = np.random.default_rng(seed)
    patients, count, _ = days.z.shape
    for name in MODALITIES:
        missing = np.repeat(rng.random((patients, count // 7 + 1)) < 0.5, 7, axis=1)[:, :count, None]
        days = replace(days, seen=np.where(missing, without(days, name).seen, days.seen))
    return replace(days, z=np.where(days.seen, days.z, np.nan))


def coverage(experts: Experts, inputs: StandardDays, days: StandardDays) -> float:
    mean, variance = experts.predict(inputs)
    inside = np.abs(days.z[:, 1:] - mean[:, :-1]) <= WITHIN * np.sqrt(variance[:, :-1])
    return float(inside[days.seen[:, 1:]].mean())


def test_a_coupled_process_is_learned_nearly_as_well_as_it_is_known(process, learned, unseen):
    # A regression on all channels would lose 14 / (2 * 14000) = 0.0005 of a nat to its parameters; the mixture has more
    # of them, of which early stopping and noise leave a part in use. A tenth of what coupling is worth must suffice.
    today, tomorrow = unseen.z[:, :-1], unseen.z[:, 1:]
    variance = np.broadcast_to(process.noise, unseen.z.shape)
    best = negative_log_likelihood(unseen.z @ process.carry.T, variance, unseen)
    correlation = (today * tomorrow).mean((0, 1)) / (today**2).mean((0, 1))
    left = ((tomorrow - correlation * today) ** 2).mean((0, 1))
    persistence = negative_log_likelihood(unseen.z * correlation, np.broadcast_to(left, variance.shape), unseen)
    found = negative_log_likelihood(*learned.predict(unseen), days=unseen)
    analytic = 0.5 * np.mean(np.log(2 * np.pi * np.e * process.noise))
    assert_allclose(best, analytic, atol=4 * np.sqrt(0.5 / tomorrow.size))
    assert found - best < 0.1 * (persistence - best)


def test_stated_intervals_hold_as_often_as_they_say(learned, unseen):
    assert 0.87 <= coverage(learned, unseen, unseen) <= 0.93


def test_intervals_stay_honest_when_a_modality_is_missing(learned, unseen):
    for name in MODALITIES:
        assert 0.87 <= coverage(learned, without(unseen, name), unseen) <= 0.93


def test_a_missing_modality_costs_less_if_training_has_met_it(process, learned, unseen):
    unprepared = fit(process.days(200, 80, 1), replace(SETTINGS, modality_dropout=0.0))
    for name in MODALITIES:
        lost = without(unseen, name)
        with_dropout = negative_log_likelihood(*learned.predict(lost), days=unseen)
        assert with_dropout < negative_log_likelihood(*unprepared.predict(lost), days=unseen)


def test_untrained_it_predicts_persistence_around_the_personal_mean():
    level = np.repeat(np.linspace(-2, 2, 5)[:, None], C, 1)
    fresh = Experts(ExpertNet(ExpertSettings()), ExpertSettings(), 0.0, 0)
    mean, variance = fresh.predict(of(np.repeat(level[:, None], 60, 1)))
    slow, quick = ((1 - 0.5 ** (60 / half)) / (1 - 0.5 ** (1 / half)) for half in HALF_LIVES)
    usual = level * slow / (slow + 2)
    assert_allclose(mean[:, -1], usual + (0.2 + 0.2 * quick / (quick + 2)) * (level - usual), atol=1e-5)
    assert_allclose(variance[:, -1], 0.6 + 0.35 * 2 / (slow + 2), rtol=1e-5)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_exactly_so_many_experts_have_a_say_as_asked_for(unseen, k):
    torch.manual_seed(0)
    net = ExpertNet(ExpertSettings(width=8, top_k=k))
    patient, day = tracks(unseen).learnable()
    weight = net(tracks(unseen).evenings(patient, day)).weight
    assert_array_equal((weight > 0).sum(1), k)
    assert_allclose(weight.sum(1).detach(), 1.0, atol=1e-6)


def test_an_expert_without_its_modality_has_no_say(untrained, unseen):
    for name in MODALITIES:
        assert untrained.usage(without(unseen, name))[name] == 0.0
    assert sum(untrained.usage(unseen).values()) == pytest.approx(1.0)


def test_with_everything_missing_the_context_alone_decides(untrained, learned, unseen):
    nothing = replace(unseen, z=np.full_like(unseen.z, np.nan), seen=np.zeros_like(unseen.seen))
    assert untrained.usage(nothing) == dict.fromkeys(MODALITIES, 0.0) | {"context": 1.0}
    mean, variance = learned.predict(nothing)
    assert np.isfinite(mean).all()
    assert np.all(variance > 0)
    assert 0.87 <= coverage(learned, nothing, unseen) <= 0.93
    assert np.isfinite(learned.tomorrow(nothing)).all()


def test_later_days_change_nothing(untrained, process):
    days = gappy(process.days(6, 30, 8))
    other = gappy(process.days(6, 30, 9), 10)
    join = {
        name: np.concatenate([getattr(days, name)[:, :20], getattr(other, name)[:, 20:]], 1) for name in ("z", "seen")
    }
    context = days.context.copy()
    context[:, 20:] = 1.0
    before, after = untrained.predict(days), untrained.predict(replace(days, context=context, **join))
    for one, changed in zip(before, after, strict=True):
        assert_array_equal(one[:, :20], changed[:, :20])
        assert not np.allclose(one[:, 20:], changed[:, 20:])


def test_patients_do_not_touch_each_other(untrained, process):
    days = gappy(process.days(6, 30, 8))
    alone = StandardDays(**{name: value[2:3] for name, value in vars(days).items()})
    for all_together, one in zip(untrained.predict(days), untrained.predict(alone), strict=True):
        assert_allclose(all_together[2:3], one, rtol=1e-4, atol=1e-5)


def test_tomorrow_is_the_last_day_predicted(untrained, process):
    days = gappy(process.days(6, 30, 8))
    for tomorrow, predicted in zip(untrained.tomorrow(days), untrained.predict(days), strict=True):
        assert_allclose(tomorrow, predicted[:, -1], rtol=1e-4, atol=1e-5)


def test_what_a_modality_is_worth_is_what_its_removal_costs(learned, unseen):
    worth = learned.importance(unseen)
    assert list(worth) == list(MODALITIES)
    assert min(worth.values()) > 0


def test_the_same_seed_gives_the_same_weights_and_another_others(process):
    days, short = process.days(20, 20, 6), ExpertSettings(width=8, steps=20, batch=64, checks=2)
    torch.manual_seed(11)
    one = fit(days, short).net.state_dict()
    torch.manual_seed(12)
    again, other = fit(days, short).net.state_dict(), fit(days, replace(short, seed=1)).net.state_dict()
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not torch.equal(one["gate.0.weight"], other["gate.0.weight"])


def test_the_weights_kept_are_those_that_validated_best(process):
    days, other = process.days(20, 20, 6), process.days(10, 20, 7)
    short = ExpertSettings(width=8, steps=40, batch=64, checks=10, patience=2)
    found = fit(days, short, other)
    assert negative_log_likelihood(*found.predict(other), other) == pytest.approx(found.validation, abs=1e-5)
    lines: list[str] = []
    spoiled = fit(days, replace(short, learning_rate=30.0), other, lines.append)
    assert (spoiled.steps, len(lines)) == (0, short.patience)


def test_storage_changes_nothing(tmp_path, learned, unseen):
    save_experts(tmp_path / "experts.safetensors", learned)
    found = load_experts(tmp_path / "experts.safetensors")
    assert (found.settings, found.validation, found.steps) == (learned.settings, learned.validation, learned.steps)
    for before, after in zip(learned.predict(unseen), found.predict(unseen), strict=True):
        assert_array_equal(before, after)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"format": 7}, "experts of format 7; expected 1"),
        ({"channels": ["stress_level"]}, "experts with channels"),
        ({"settings": {}}, "its weights and its card do not fit"),
    ],
)
def test_experts_of_another_kind_are_refused(tmp_path, untrained, change, complaint):
    path = tmp_path / "experts.safetensors"
    save_experts(path, untrained)
    content = path.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    card = json.loads(header["__metadata__"]["migraine_platform"]) | change
    path.write_bytes(save(load(content), {"migraine_platform": json.dumps(card)}))
    with pytest.raises(ExpertsError, match=complaint):
        load_experts(path)


def test_a_file_that_holds_no_experts_is_refused(tmp_path):
    with pytest.raises(ExpertsError, match="no experts here"):
        load_experts(tmp_path / "experts.safetensors")
    (tmp_path / "damaged.safetensors").write_bytes(b"\x80\x04not tensors")
    with pytest.raises(ExpertsError, match="not a file of safetensors"):
        load_experts(tmp_path / "damaged.safetensors")


def test_impossible_requests_are_refused_in_a_sentence(untrained, unseen, process):
    with pytest.raises(ExpertsError, match=f"expected 1 to {len(EXPERTS)}"):
        ExpertSettings(top_k=9)
    with pytest.raises(ExpertsError, match="no modality 'moon'"):
        without(unseen, "moon")
    with pytest.raises(ExpertsError, match="expected at least 2"):
        fit(process.days(1, 20, 0), SETTINGS)
    with pytest.raises(ExpertsError, match="no two days in a row"):
        fit(process.days(4, 1, 0), SETTINGS)
