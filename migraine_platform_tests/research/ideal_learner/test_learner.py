from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from migraine_platform.research.ideal_learner.hypotheses import (
    NUMBERS,
    _log_guess,
    _log_prior,
    from_both,
    from_population,
)
from migraine_platform.research.ideal_learner.learner import learn
from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator
from migraine_platform.simulator.generative.profiles import first_patients
from migraine_platform.simulator.generative.symptoms import SIGNS
from migraine_platform_tests.simulator.conftest import STEADY


@pytest.fixture(scope="module")
def plain(simulator_of, settings) -> CohortSimulator:
    """All recorded, no latent state, no trace of attacks, nobody chronic, headaches alike, nobody drifting."""
    attacks = settings.simulator.attacks
    carry = attacks.carry_over.model_copy(update={"trace_log_odds": 0.0})
    between = attacks.between_persons.model_copy(update={"headache": 0.0})
    return simulator_of(
        cohort={"patients": 2, "days": 121},
        latent={"w": (0.0, 0.0, 0.0, 0.0)},
        attacks={"carry_over": carry, "between_persons": between},
        population={"chronic_share": 0.0},
        measurement={"diary_adherence": (1.0, 1.0), "attack_day_log_odds": 0.0, "device_gap_start": 0.0},
        **STEADY,
    )


@pytest.mark.slow
def test_the_posterior_is_that_of_nuts_where_no_state_is_latent(plain) -> None:
    """Frequency and susceptibilities of two patients after 120 days: means within 0.35 sd, sds within 25 %.

    Of 1,000 hypotheses 100 or more count, so that a mean errs by 0.1 posterior standard deviations and an sd by 7 %:
    more than three standard errors. (With 8 particles instead of 96 the noise of the likelihood alone moved a mean by
    0.6.)
    """
    numpyro = pytest.importorskip("numpyro")
    import jax
    import jax.numpy as jnp

    patients = first_patients(plain.settings, 2)
    trajectories = plain.trajectories(patients)
    learned = learn(plain, trajectories, hypotheses=1000, particles=96)
    average = plain.average_days(trajectories.persons)
    low, high = (days / 30 for days in plain.settings.population.episodic_frequency)
    s_low, s_high = plain.settings.population.susceptibility
    theta, beta = jnp.array(plain.calibration.theta[0]), jnp.array(plain.calibration.beta)
    carry, course = plain.settings.attacks.carry_over, plain.parameters.course

    conversion, early = course.conversion, 1 - course.late_share
    between, within = course.lean.between[SIGNS], course.lean.within[SIGNS]
    usual_place, weekend = (
        norm.ppf(course.prodrome_share),
        jnp.array(plain.day_effects.weekend[plain.calendar.burn_in :]),
    )

    def model(on, migraine, at_risk, onset, by_evening, signs, rates, latent):
        frequency = numpyro.sample("frequency", numpyro.distributions.Uniform(low, high))
        s = numpyro.sample("s", numpyro.distributions.Uniform(s_low, s_high).expand([4]))
        logit_f = jnp.log(frequency / (1 - frequency))
        own = numpyro.sample("own", numpyro.distributions.Normal(0, 1).expand([2]))
        phi = jnp.concatenate([jnp.array([1.0, logit_f, logit_f**2]), s * rates, jnp.array([latent, 0.0])])
        of_week = plain.settings.attacks.weekend_log_odds_sd * own[0] * jnp.append(weekend[1:], 0.0)
        logit = phi @ theta + on @ (beta * s) + of_week  # of the day after each
        prodrome = jax.scipy.stats.norm.cdf((usual_place - between * own[1]) / within)
        announced = prodrome * course.early_share
        share = jnp.array([prodrome, (prodrome - announced) / (1 - announced), 1.0])
        q = jax.nn.sigmoid(logit)
        sign = q * announced / jnp.maximum(conversion[0], q)

        def day(alpha, t):
            """Forward over what the evening before may have said: nothing, no sign, a sign of this day's attack."""
            said = sign[t - 1]
            after_none = q[t - 1] * (1 - announced) / (1 - said)
            ways = jnp.array([q[t - 1], after_none, q[t - 1] * announced / said])
            p = jnp.where(migraine[t - 1], jax.nn.sigmoid(logit[t - 1] + carry.refractory_log_odds), ways)
            false = jnp.minimum(p * share / conversion, 1 - p * (1 - share)) - p * share
            quiet = 1 - p - false * early
            begun = jnp.where(by_evening[t], p * jnp.where(signs[t], share, 1 - share), p)
            noted = jnp.where(signs[t], sign[t], 1 - sign[t])
            late = (alpha * begun).sum() * noted
            stays = (alpha * quiet).sum() * noted
            faded = jnp.where(signs[t], (alpha * false).sum() * early, 0.0)
            nothing, none, came = jnp.eye(3)
            free = stays * jnp.where(signs[t], came, none) + faded * nothing
            ends = jnp.where(onset[t], jnp.where(by_evening[t], (alpha * begun).sum(), late) * nothing, free)
            ends = jnp.where(at_risk[t], ends, nothing)
            return ends / ends.sum(), jnp.log(ends.sum())

        first = jnp.where(by_evening[0], jnp.eye(3)[0], jnp.where(signs[0], jnp.array([0.5, 0.0, 0.5]), jnp.eye(3)[1]))
        numpyro.factor("days", jax.lax.scan(day, first, jnp.arange(1, len(on)))[1].sum())

    for i in range(2):
        days = trajectories.days
        names = {"migraine": "has_migraine", "onset": "onset", "by_evening": "migraine_by_evening", "signs": "prodrome"}
        data = {
            "on": jnp.array(days.trigger()[:, i].T.astype(float)),
            "at_risk": jnp.array(days.at_risk[i]),
            **{key: jnp.array(days.flag(name)[i]) for key, name in names.items()},
            "rates": jnp.array(average.rates[i]),
            "latent": float(average.latent[i]),
        }
        kernel = numpyro.infer.NUTS(model)
        sampler = numpyro.infer.MCMC(kernel, num_warmup=400, num_samples=1500, progress_bar=False)
        sampler.run(jax.random.PRNGKey(i), **data)
        draws = sampler.get_samples()
        reference = np.column_stack([np.asarray(draws["frequency"]), np.asarray(draws["s"])])
        ours = np.vstack([learned.frequency[i, -1], learned.susceptibility[i, -1]])
        off = (ours[:, 0] - reference.mean(axis=0)) / reference.std(axis=0)
        assert np.abs(off).max() < 0.35, off
        assert np.abs(ours[:, 1] / reference.std(axis=0) - 1).max() < 0.25


def test_weights_undo_the_choice_of_hypotheses(plain) -> None:
    """Moments under the weights are the population's, whatever the guess; five standard errors."""
    index, each = np.arange(2), 4000
    settings = plain.settings.model_copy(
        update={"population": plain.settings.population.model_copy(update={"chronic_share": 0.15})}
    )
    coarse = from_population(settings, plain.calendar, index, each)
    likelihood = -20 * (coarse.susceptibility[:, 0] - 0.8) ** 2 + 3 * coarse.is_chronic
    drawn = from_both(settings, plain.calendar, index, each, coarse, likelihood)
    for row in range(2):
        block = slice(row * each, (row + 1) * each)
        weights = np.exp(drawn.log_weight[block])
        assert abs(weights.mean() - 1) < 5 * weights.std() / np.sqrt(each)
        for values, mean in ((drawn.susceptibility[block, 0], 0.55), (drawn.is_chronic[block], 0.15)):
            estimate = weights * values
            assert abs(estimate.mean() - mean) < 5 * estimate.std() / np.sqrt(each)
        assert drawn.susceptibility[block, 0].mean() > 0.58  # half of them come from the guess


def test_densities_of_prior_and_guess_are_those_of_scipy() -> None:
    from scipy import stats

    from migraine_platform.research.ideal_learner.hypotheses import Guess

    rng = np.random.default_rng(1)
    place, chronic = rng.normal(size=(50, NUMBERS)), rng.random(50) < 0.5
    root = rng.normal(size=(2, NUMBERS, NUMBERS))
    guess = Guess(0.3, rng.normal(size=(2, NUMBERS)), root @ root.transpose(0, 2, 1) + np.eye(NUMBERS))
    prior = stats.logistic.logpdf(place).sum(axis=1) + np.log(np.where(chronic, 0.15, 0.85))
    np.testing.assert_allclose(_log_prior(chronic, place, 0.15), prior)
    normal = [stats.multivariate_normal(guess.mean[n], guess.covariance[n]).logpdf(place) for n in (0, 1)]
    expected = np.where(chronic, normal[1] + np.log(0.3), normal[0] + np.log(0.7))
    np.testing.assert_allclose(_log_guess(chronic, place, guess), expected)


def test_the_learner_lies_between_climatology_and_known_parameters(simulator_of) -> None:
    """Twelve patients, the last of 60 days, expected log loss; the gaps are many times the noise seen over seeds."""
    simulator = simulator_of(cohort={"patients": 12, "days": 60}, drift={"share": 0.0})
    trajectories = simulator.trajectories(first_patients(simulator.settings, 12))
    learned = learn(simulator, trajectories, hypotheses=64, particles=32)
    full, late = trajectories.days.migraine_probability[:, 30:], slice(30, None)
    known = simulator.filtered(trajectories, 128).forecast[:, late]
    population = np.full_like(full, trajectories.days.flag("has_migraine").mean())

    def loss(p: np.ndarray) -> float:
        return float(-(full * np.log(p) + (1 - full) * np.log1p(-p)).mean())

    assert loss(known) < loss(learned.forecast[:, late]) < loss(population) - 0.02
    assert np.all(learned.effective >= 1)
    spread = learned.frequency[:, [0, -1], 1].mean(axis=0)
    assert spread[1] < spread[0]


@pytest.mark.slow
def test_the_learners_intervals_hold_what_they_promise(simulator_of) -> None:
    """30 patients x 20 days: 90 % intervals of the full state's forecast.

    Days of one patient hang together, so that their share has a standard error of about 2.5 points; few hypotheses
    make an interval somewhat narrow.
    """
    simulator = simulator_of(cohort={"patients": 30, "days": 40}, drift={"share": 0.0})
    trajectories = simulator.trajectories(first_patients(simulator.settings, 30))
    learned = learn(simulator, trajectories, hypotheses=96, particles=48)
    late = slice(20, None)
    full, (lower, upper) = (
        trajectories.days.migraine_probability[:, late],
        np.moveaxis(learned.interval[:, late], -1, 0),
    )
    assert np.all(lower <= upper)
    assert 0.78 < ((lower <= full) & (full <= upper)).mean() < 0.97
    s_lower, s_upper = np.moveaxis(learned.susceptibility_interval, -1, 0)
    mean = learned.susceptibility[..., 0]
    assert np.all(s_lower <= mean + 1e-9)
    assert np.all(mean <= s_upper + 1e-9)
