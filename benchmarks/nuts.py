"""NUTS (numpyro) on one logistic regression after another: the yardstick of `logistic_posterior.py`, and of its tests.

Every data set comes padded to the same shape, so that the sampler is compiled once: numpyro's own `MCMC` compiles again
for every data set, and looks 40 times slower than NUTS is.
"""

from __future__ import annotations

import os

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import numpy as np
from jax import Array, jit, vmap
from jax.lax import scan
from jax.nn import log_sigmoid
from jax.random import PRNGKey, split
from numpyro.diagnostics import summary
from numpyro.infer import NUTS
from numpyro.infer.hmc import HMCState
from torch import Tensor

from migraine_platform.aline.tasks.task import Context
from migraine_platform.research.logistic.task import LogisticPrior


class Nuts:
    """A sampler for data sets of one shape; the first call of each method compiles it."""

    def __init__(self, prior: LogisticPrior, chains: int = 4, warm_up: int = 1000, samples: int = 1000) -> None:
        mean, sd = _array(prior.mean), _array(prior.sd)

        def chain(rows: Array, known: Array, key: Array) -> Array:
            def potential(theta: Array) -> Array:
                return 0.5 * (((theta - mean) / sd) ** 2).sum() - (log_sigmoid(rows @ theta) * known).sum()

            def step(state: HMCState, _: None) -> tuple[HMCState, Array]:
                state = kernel.sample(state, (), {})
                return state, state.z

            kernel = NUTS(potential_fn=potential)
            state = kernel.init(key, warm_up, init_params=mean, model_args=(), model_kwargs={})
            state, _ = scan(step, state, length=warm_up)
            return scan(step, state, length=samples)[1]

        def all_chains(rows: Array, known: Array, key: Array) -> Array:
            return vmap(lambda one: chain(rows, known, one))(split(key, chains))

        self._run, self._run_batch = jit(all_chains), jit(vmap(all_chains))

    def sample(self, context: Context, row: int, seed: int) -> np.ndarray:
        """[chains, samples, P] of the data set in one row of a context."""
        draws = self._run(_array(context.y[row]), _array(context.known[row]), PRNGKey(seed))
        return np.asarray(draws, dtype=np.float64)

    def sample_batch(self, context: Context, seed: int) -> np.ndarray:
        """[B, chains, samples, P] of all data sets at once, every tree as deep as the deepest of the batch."""
        keys = split(PRNGKey(seed), len(context.x))
        draws = self._run_batch(_array(context.y), _array(context.known), keys)
        return np.asarray(draws, dtype=np.float64)


def diagnostics(samples: np.ndarray) -> tuple[float, float]:
    """Worst split R-hat and least effective sample size over the parameters of samples [chains, samples, P]."""
    found = summary(samples, group_by_chain=True)
    (parameters,) = found.values()
    return float(np.max(parameters["r_hat"])), float(np.min(parameters["n_eff"]))


def _array(part: Tensor) -> np.ndarray:
    return part.numpy()
