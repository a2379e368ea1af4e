from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import Tensor

from migraine_platform.aline.network.heads import Posterior
from migraine_platform.aline.network.network import Aline, Size
from migraine_platform.aline.scoring.calibration import coverage, ranks, uniformity
from migraine_platform.aline.tasks.task import Context, random_choice
from migraine_platform.aline.training.teaching import Teacher, TeachingSettings, taught_loss, warm_up
from migraine_platform.priors.mock import MockDistribution, build_mock, correlation_of
from migraine_platform.research.logistic.reference import exact_posterior, laplace, log_posterior, teacher
from migraine_platform.research.logistic.task import HORIZON, Logistic, LogisticPrior, logistic_prior

SMALL = Size(width=16, layers=2, heads=2, feed_forward=32, components=3)


@pytest.fixture(scope="module")
def mock(settings, features) -> MockDistribution:
    return build_mock(features, settings.priors.mock)


@pytest.fixture(scope="module")
def prior(mock) -> LogisticPrior:
    return logistic_prior(mock)


@pytest.fixture(scope="module")
def task(prior) -> Logistic:
    return Logistic(prior)


@pytest.fixture(scope="module")
def one_feature(mock) -> Logistic:
    return Logistic(logistic_prior(mock, features=1))


def on_a_grid(prior: LogisticPrior, context: Context) -> tuple[Tensor, Tensor]:
    """Means and standard deviations of two parameters by summation, 6 prior standard deviations to every side."""
    axes = [
        mean + sd * torch.linspace(-6, 6, 241, dtype=torch.float64)
        for mean, sd in zip(prior.mean, prior.sd, strict=True)
    ]
    points = torch.cartesian_prod(*axes)
    moments = []
    for row in range(len(context.x)):
        density = log_posterior(prior, context.take(torch.tensor([row])), points[None])[0]
        weight = torch.softmax(density, 0)[:, None]
        mean = (weight * points).sum(0)
        moments.append(torch.stack([mean, (weight * (points - mean) ** 2).sum(0).sqrt()]))
    return torch.stack(moments).unbind(1)


def test_days_and_slopes_are_the_mocks(prior, mock) -> None:
    """Days have the mock's correlations; what the prior's mean leaves of the mock's log-odds, no feature explains."""
    chosen = [mock.variables.index(name) for name in prior.variables]
    assert min(mock.relevance[chosen]) >= max(np.delete(mock.relevance, chosen))
    correlation = correlation_of(mock.sigma_prior)[np.ix_(chosen, chosen)]
    days = prior.draw_days(1000, 50, torch.Generator().manual_seed(1)).flatten(0, 1)
    assert_allclose(np.cov(days.numpy(), rowvar=False), correlation, atol=4 * np.sqrt(2 / 50_000))
    x = (mock.samples[:, chosen] - mock.mu_prior[chosen]) / np.sqrt(np.diag(mock.sigma_prior)[chosen])
    left = np.log(mock.p_migraine / (1 - mock.p_migraine)) - prior.mean[0].item() - x @ prior.mean[1:].numpy()
    assert_allclose([left.mean(), *(x.T @ left / len(left))], 0, atol=1e-5)


def test_migraines_come_as_often_as_the_parameters_say(task, prior) -> None:
    """Share of migraines on the first day against the mean of its chance, given parameters and features."""
    episode = task.draw_complete(20_000, (3, 1))
    theta = episode.truth[:, : prior.parameters] * prior.sd + prior.mean
    migraine = (episode.context.y[:, 0, 0] > 0).float()
    assert torch.equal(episode.context.y[:, 0, 1:].abs(), episode.context.x[:, 0].abs())
    chance = torch.sigmoid(theta[:, 0] + (theta[:, 1:] * episode.context.x[:, 0]).sum(1))
    assert abs(float((migraine - chance).mean())) < 4 * 0.5 / np.sqrt(20_000)


def test_a_seed_draws_the_same_and_answers_do_not_depend_on_the_order(task) -> None:
    one, other = task.draw(3, (0, 7)), task.draw(3, (0, 7))
    order = torch.tensor([[4, 9, 2]] * 3)
    for choice in order.unbind(1):
        one.ask(choice)
    other.ask(order.flip(1))
    assert torch.equal(one.context.y, other.context.y.flip(1))
    assert torch.equal(one.truth, other.truth)
    assert not one.available.gather(1, order).any()
    assert not torch.equal(one.rows, task.draw(3, (0, 8)).rows)


def test_the_mode_is_where_the_gradient_vanishes_even_when_labels_are_separable(prior) -> None:
    """Newton overshoots on such data unless held back: 50 days far out, all labelled by one hyperplane."""
    x = 30 * prior.draw_days(20, HORIZON, torch.Generator().manual_seed(2))
    rows = torch.cat([torch.ones_like(x[..., :1]), x], -1) * torch.sign(x[..., :1])
    context = Context(x, rows, torch.ones(x.shape[:2], dtype=torch.bool))
    mode, root = laplace(prior, context)
    mode.requires_grad_()
    log_posterior(prior, context, mode[:, None]).sum().backward()
    assert_allclose(root.transpose(1, 2) @ mode.grad[..., None], 0, atol=1e-4)  # in posterior standard deviations


def test_the_exact_posterior_agrees_with_a_grid(one_feature) -> None:
    """Better than as many independent draws would be: within one of their standard errors, for every data set."""
    context = one_feature.draw_complete(40, (3, 2)).context
    mean, sd = on_a_grid(one_feature.prior, context)
    ours = exact_posterior(one_feature.prior, context, 4096)
    assert ours.effective_share().min() > 0.6
    error = 4096**-0.5
    assert_allclose((ours.moments()[0] - mean) / sd, 0, atol=error)
    assert_allclose(ours.moments()[1] / sd, 1, atol=error)


def test_nothing_known_leaves_the_prior_and_each_answer_narrows_it(task, prior) -> None:
    """Mean posterior variance against its law: it falls with every further answer, whatever the days are."""
    episode = task.draw(300, (3, 8))
    mean, sd = exact_posterior(prior, episode.context, 4096).moments()
    assert_allclose((mean - prior.mean) / prior.sd, 0, atol=4096**-0.5)
    assert_allclose(sd / prior.sd, 1, atol=4096**-0.5)
    for _ in range(3):
        episode.ask(random_choice(episode.available, 8, torch.Generator().manual_seed(8)))
        before, sd = sd, exact_posterior(prior, episode.context, 1024).moments()[1]
        assert ((sd**2).mean(0) < (before**2).mean(0)).all()


def test_the_exact_posterior_is_calibrated(task, prior) -> None:
    """Ranks of the true parameters among weighted draws, 2,000 data sets: uniform, but once in a hundred trials."""
    found = []
    for part in range(40):
        episode = task.draw_complete(50, (3, 3, part))
        theta = episode.truth[:, : prior.parameters] * prior.sd + prior.mean
        drawn = exact_posterior(prior, episode.context, 512, seed=part)
        found.append((drawn.weight[..., None] * (drawn.theta < theta[:, None])).sum(1))
    assert min(uniformity(torch.cat(found))) > 0.01 / prior.parameters
    assert_allclose(coverage(torch.cat(found), 0.9), 0.9, atol=4 * np.sqrt(0.09 / 2000))


def test_the_taught_loss_is_the_mean_of_single_draws(task) -> None:
    """Equal weights: the average over draws of the likelihood loss. One weight: that draw's."""
    generator = torch.Generator().manual_seed(4)
    context = task.draw_complete(5, (3, 4)).context
    posterior = Aline(task.layout, SMALL).posterior(Aline(task.layout, SMALL).encode(context))
    targets = task.targets(task.prior.draw_parameters(15, generator)).view(5, 3, -1)
    single = torch.stack([-posterior.log_score(targets[:, number]).mean() for number in range(3)])
    equal = taught_loss(posterior, targets, torch.full((5, 3), 1 / 3))
    first = taught_loss(posterior, targets, torch.tensor([1.0, 0.0, 0.0]).expand(5, 3))
    assert_allclose(equal.detach(), single.mean().detach(), rtol=1e-5)
    assert_allclose(first.detach(), single[0].detach(), rtol=1e-5)


def test_the_order_of_days_does_not_matter_and_unknown_days_are_not_seen(task) -> None:
    net = Aline(task.layout, SMALL).double()
    context = task.draw_complete(6, (3, 5)).context
    context = Context(context.x.double(), context.y.double(), context.known)
    order = torch.randperm(HORIZON, generator=torch.Generator().manual_seed(5))
    shuffled = Context(context.x[:, order], context.y[:, order], context.known[:, order])
    blanked = Context(context.x, torch.where(context.known[..., None], context.y, 9.0), context.known)
    expected = net.posterior(net.encode(context)).moments()[0].detach()
    for other in (shuffled, blanked):
        assert_allclose(net.posterior(net.encode(other)).moments()[0].detach(), expected, rtol=1e-9, atol=1e-12)


def test_learning_is_reproducible(one_feature) -> None:
    lesson = TeachingSettings(steps=3, batch=8)
    first, second = (
        warm_up(one_feature.layout, SMALL, one_feature.draw_complete, lesson, teacher(one_feature, 16))
        for _ in range(2)
    )
    for name, tensor in first.state_dict().items():
        assert torch.equal(tensor, second.state_dict()[name]), name


@pytest.mark.parametrize(("stated_sd", "passes"), [(1.0, True), (0.8, False), (1.25, False)])
def test_calibration_tells_wrong_spreads_from_right_ones(stated_sd, passes) -> None:
    """Truths from N(0, 1), 2,000 times; the posterior says N(0, stated_sd^2)."""
    truth = torch.randn(2000, 1, generator=torch.Generator().manual_seed(6))
    flat = torch.zeros(2000, 1, 1)
    found = ranks(Posterior(flat, flat, flat + np.log(stated_sd), flat[..., 0]), truth)
    assert (uniformity(found)[0] > 0.01) == passes
    inside = 2 * NormalDist().cdf(NormalDist().inv_cdf(0.95) * stated_sd) - 1
    assert_allclose(coverage(found, 0.9), inside, atol=4 * np.sqrt(0.25 / 2000))


@pytest.mark.slow
def test_a_short_lesson_leads_towards_the_exact_posterior(one_feature) -> None:
    """Four fifths of the way from the prior in 400 steps, and further than single draws lead in as many."""
    context = one_feature.draw_complete(500, (3, 6)).context
    mean, sd = exact_posterior(one_feature.prior, context, 1024).moments()

    def off(found: Tensor) -> float:
        return float(((found - mean).abs() / sd).mean())

    def learned(teach: Teacher | None) -> float:
        lesson = TeachingSettings(steps=400, batch=64, learning_rate=1e-2)
        net = warm_up(one_feature.layout, SMALL, one_feature.draw_complete, lesson, teach)
        with torch.no_grad():
            standardised, _ = net.posterior(net.encode(context)).moments()
        return off(standardised * one_feature.prior.sd + one_feature.prior.mean)

    taught, single = learned(teacher(one_feature, 32)), learned(None)
    assert taught < off(one_feature.prior.mean) / 5
    assert taught < single


@pytest.mark.slow
def test_the_exact_posterior_agrees_with_nuts(task, prior) -> None:
    """Within four standard errors of NUTS, whose own effective sample size says what these are."""
    from benchmarks.nuts import Nuts, diagnostics

    context = task.draw_complete(5, (3, 7)).context
    mean, sd = exact_posterior(prior, context, 8192).moments()
    sampler = Nuts(prior)
    for row in range(5):
        draws = sampler.sample(context, row, row)
        r_hat, effective = diagnostics(draws)
        flat = draws.reshape(-1, prior.parameters)
        assert r_hat < 1.01
        assert_allclose((flat.mean(0) - mean[row].numpy()) / sd[row].numpy(), 0, atol=4 * effective**-0.5)
        assert_allclose(flat.std(0) / sd[row].numpy(), 1, atol=4 * effective**-0.5)
