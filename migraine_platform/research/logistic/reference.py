"""The exact posterior of logistic regression: Laplace's approximation as a proposal, importance weights for the rest.

    log p(theta | D) = sum_i log sigmoid(theta' r_i) - 1/2 sum_j ((theta_j - m_j) / s_j)^2 + const,   r_i signed rows
    mode             by Newton's method; H = sum_i w_i r_i r_i' + diag(1 / s^2), w = sigmoid (1 - sigmoid), LL' = inv H
    theta_s          = mode + L z_s sqrt(nu / g_s),   z_s ~ N(0, I), g_s ~ chi^2(nu): Student's t, heavier than any
                       posterior under a normal prior, so that the weights w_s = p(theta_s | D) / t(theta_s) are bounded

The draws (z, g) are a scrambled Sobol sequence with every z beside its mirror image, shared by the batch: so are their
errors, and what averages over many data sets takes another seed for every few of them. Belongs here: what holds for any
data set. Does not: how a network learns.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from scipy.stats import chi2
from torch import Tensor
from torch.nn.functional import logsigmoid

from migraine_platform.aline.tasks.task import Context
from migraine_platform.aline.training.teaching import Teacher
from migraine_platform.research.logistic.task import Logistic, LogisticPrior

FREEDOM = 7.0
"""nu"""

NEWTON_STEPS, HALVINGS = 60, 30
"""At most; usual data take 6 to 9, and none."""

CLOSE = 1e-6
"""Squared length, in posterior standard deviations, of a step after which there is no other."""

ROUNDING = 1e-6
"""Relative loss of height that single precision makes of a step that climbs."""


@dataclass
class WeightedDraws:
    """Posterior draws of B data sets."""

    theta: Tensor
    """[B, S, P]"""
    weight: Tensor
    """[B, S], each row sums to one."""

    def moments(self) -> tuple[Tensor, Tensor]:
        """[B, P] means and standard deviations."""
        mean = (self.weight[..., None] * self.theta).sum(1)
        variance = (self.weight[..., None] * (self.theta - mean[:, None]) ** 2).sum(1)
        return mean, variance.sqrt()

    def effective_share(self) -> Tensor:
        """[B] effective sample size over the number of draws."""
        return 1 / (self.weight**2).sum(1) / self.weight.shape[1]


def log_posterior(prior: LogisticPrior, context: Context, theta: Tensor) -> Tensor:
    """[B, S] log-density, up to a constant, of parameters theta [B, S, P]."""
    log_odds = theta @ context.y.to(theta.dtype).transpose(1, 2)
    likelihood = (logsigmoid(log_odds) * context.known[:, None]).sum(-1)
    return likelihood - 0.5 * (((theta - prior.mean.to(theta)) / prior.sd.to(theta)) ** 2).sum(-1)


def laplace(prior: LogisticPrior, context: Context, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    """Mode [B, P], and lower root [B, P, P] of the inverse Hessian there.

    The log-density is strictly concave; a Newton step that overshoots is halved until it climbs. The squared length of
    a step in posterior standard deviations, step' H step, says when to stop.
    """
    rows = context.y.to(dtype) * context.known[..., None]
    mean, precision = prior.mean.to(dtype), prior.sd.to(dtype) ** -2
    theta = mean.expand(len(rows), -1)
    height = log_posterior(prior, context, theta[:, None])[:, 0]
    for _ in range(NEWTON_STEPS):
        gradient, hessian = _derivatives(rows, theta, mean, precision)
        step = torch.cholesky_solve(gradient[..., None], torch.linalg.cholesky(hessian))[..., 0]
        last = bool(((step * gradient).sum(-1) < CLOSE).all())
        floor = height - ROUNDING * height.abs()
        for _ in range(HALVINGS):
            reached = log_posterior(prior, context, (theta + step)[:, None])[:, 0]
            low = reached < floor
            if not bool(low.any()):
                break
            step = torch.where(low[:, None], step / 2, step)
        theta, height = theta + step, reached
        if last:
            break
    _, hessian = _derivatives(rows, theta, mean, precision)
    return theta, torch.linalg.cholesky(torch.cholesky_inverse(torch.linalg.cholesky(hessian)))


def student_draws(count: int, parameters: int, seed: int) -> tuple[Tensor, Tensor]:
    """Draws [S, P] of a standard multivariate t, S = `count` (even), and their log-densities [S] up to a constant."""
    engine = torch.quasirandom.SobolEngine(parameters + 1, scramble=True, seed=seed)  # type: ignore[no-untyped-call]
    uniform = engine.draw(count // 2, dtype=torch.float64).clamp(1e-9, 1 - 1e-9)
    scale = torch.as_tensor(chi2.ppf(uniform[:, -1].numpy(), FREEDOM) / FREEDOM).rsqrt()
    half = torch.special.ndtri(uniform[:, :-1]) * scale[:, None]
    draws = torch.cat([half, -half])
    return draws, -0.5 * (FREEDOM + parameters) * torch.log1p((draws**2).sum(1) / FREEDOM)


def exact_posterior(
    prior: LogisticPrior, context: Context, draws: int, seed: int = 0, dtype: torch.dtype = torch.float64
) -> WeightedDraws:
    """Weighted draws from the posterior of each data set."""
    mode, root = laplace(prior, context, dtype)
    base, proposed = (part.to(dtype) for part in student_draws(draws, prior.parameters, seed))
    theta = mode[:, None] + base @ root.transpose(1, 2)
    return WeightedDraws(theta, torch.softmax(log_posterior(prior, context, theta) - proposed, 1))


def teacher(task: Logistic, draws: int) -> Teacher:
    """So many weighted draws per data set, as targets; other random numbers for every seed."""

    def teach(context: Context, seed: int) -> tuple[Tensor, Tensor]:
        drawn = exact_posterior(task.prior, context, draws, seed, torch.float32)
        return task.targets(drawn.theta), drawn.weight

    return teach


def _derivatives(rows: Tensor, theta: Tensor, mean: Tensor, precision: Tensor) -> tuple[Tensor, Tensor]:
    """Gradient [B, P] and negative Hessian [B, P, P] of the log-density; rows that are not there are zero."""
    missed = torch.sigmoid(-(rows @ theta[..., None])[..., 0])
    gradient = (missed[..., None] * rows).sum(1) - precision * (theta - mean)
    weight = missed * (1 - missed)
    return gradient, (rows * weight[..., None]).transpose(1, 2) @ rows + torch.diag(precision)
