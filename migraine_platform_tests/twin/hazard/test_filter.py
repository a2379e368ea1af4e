from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from migraine_platform.domain.events import EVENTS
from migraine_platform.priors.vocabulary import TRIGGER_COUNT
from migraine_platform.twin.hazard.covariates import Covariates
from migraine_platform.twin.hazard.filter import follow
from migraine_platform.twin.hazard.hypotheses import AGES, HEADACHES, NOT_TOLD, RUNS, AttackEvidence, Points
from migraine_platform.twin.hazard.outlook import foresee
from migraine_platform_tests.twin.modelled import effects_of, expit, live, points_of, share_ill, triggers_alone

ONSET, MIGRAINE, PRODROME, DRUG = 1, 2, 3, 4
NO_ATTACK, FIRST, SECOND, LATER, UNKNOWN, LATE = range(6)


def logits(points, effects, covariates, i, m):
    """[K] log-odds of an onset on the day after, without carry-over, and by what they are flattened."""
    susceptibility = points.susceptibility[m]
    logit, shrink = [], []
    for k in range(covariates.trigger.shape[1]):
        x, baseline = covariates.trigger[i, k], covariates.baseline[i, k]
        latent, spread = covariates.latent[i, k], covariates.spread[i, k]
        variance = effects.latent @ spread @ effects.latent + np.sum(x * (1 - x) * (effects.trigger * 0.55) ** 2)
        logit.append(
            points.level[m]
            + np.sum(effects.trigger * susceptibility * (x - baseline))
            + np.sum(effects.latent * latent)
            + effects.weekend * points.weekend[m] * covariates.weekend[i, k]
        )
        shrink.append(np.sqrt(1 + np.pi * variance / 8))
    return logit, shrink


def ages(evidence, i):
    """Of each evening, how far the attack is, whether a drug was taken, whether it is over, as the diary tells."""
    age, drug, out = NO_ATTACK, False, []
    for wrote, flags, tick in zip(evidence.diary[i], evidence.events[i], evidence.headache[i], strict=True):
        if not wrote:
            age, drug = UNKNOWN, False
        elif not flags[MIGRAINE]:
            age, drug = NO_ATTACK, False
        elif flags[ONSET]:
            age, drug = FIRST, bool(flags[DRUG])
        else:
            age, drug = (LATER if age in (SECOND, LATER) else SECOND), drug or bool(flags[DRUG])
        out.append((age, int(drug), int(tick) if wrote and flags[MIGRAINE] else NOT_TOLD))
    return out


def enumerate_paths(points, effects, covariates, evidence, i, m):
    """[K] probability of the diary so far, and [K] of it and a migraine tomorrow, under one hypothesis.

    A path says of every day: an attack went on, one began by the evening, one began later, a false alarm, a sign of
    tomorrow's attack, nothing.
    """
    logit, shrink = logits(points, effects, covariates, i, m)
    reported = ages(evidence, i)
    paths = [
        (1.0, "nothing", share_ill(points.level[m], effects.lasting[UNKNOWN, 0, NOT_TOLD]), expit(points.level[m]))
    ]
    so_far, and_ill = [], []
    for k, wrote in enumerate(evidence.diary[i]):
        flags, longer = evidence.events[i, k], []
        for weight, yesterday, r, p in paths:
            if k and evidence.diary[i, k - 1] and (yesterday == "late") != evidence.late[i, k]:
                continue
            c = goes_on(effects, yesterday, reported[k - 1]) if k else 0.0
            signs = p * effects.by_evening * (1 + effects.alarms)
            chances = {
                "on": c,
                "onset": (1 - c) * p * effects.by_evening,
                "alarm": (1 - c) * p * effects.by_evening * effects.alarms,
                "late": (1 - c) * p * (1 - effects.by_evening),
                "nothing": (1 - c) * (1 - signs - p * (1 - effects.by_evening)),
            }
            for today, chance in chances.items():
                if wrote and today != "nothing" and today not in consistent(flags):
                    continue
                pain = np.exp(evidence.pain[i, k]) if not wrote and today in ("on", "onset") else 1.0
                ill = float(today in ("on", "onset", "late"))
                carried = (
                    effects.attack_history * (effects.memory * r + (1 - effects.memory) * ill)
                    + effects.refractory * ill
                )
                after = effects.memory * r + (1 - effects.memory) * ill
                p_next = expit((logit[k] + carried) / shrink[k])
                for sign, share, announced in after_signs(effects, today, p_next):
                    if not wrote or sign in consistent(flags):
                        longer.append((weight * chance * pain * share, sign, after, announced))
        paths = longer
        so_far.append(sum(path[0] for path in paths))
        tomorrow = 0.0
        for weight, today, _, p in paths:
            c = goes_on(effects, today, reported[k])
            tomorrow += weight * (c + (1 - c) * p)
        and_ill.append(tomorrow)
    return so_far, and_ill


def after_signs(effects, today, q):
    """What a day without an event may have come to: its name, its chance, and the probability of an onset tomorrow."""
    if today != "nothing":
        return [(today, 1.0, q)]
    announcing = max(effects.conversion, q)
    entry = q * effects.early / announcing
    return [("nothing", 1 - entry, q * (1 - effects.early) / (1 - entry)), ("sign", entry, announcing)]


def goes_on(effects, today, reported):
    if today == "late":
        return effects.lasting[LATE, 0, NOT_TOLD]
    return effects.lasting[reported] if today in ("on", "onset") else 0.0


def consistent(flags):
    if flags[MIGRAINE]:
        return ("onset",) if flags[ONSET] else ("on",)
    return ("alarm", "sign") if flags[PRODROME] else ("late", "nothing")


def some_days(seed, effects, patients=6, days=9, wrote=0.6):
    """Random covariates, uncertain ones too, diaries with gaps, drugs, and devices that tell of pain."""
    rng = np.random.default_rng(seed)
    points = points_of(rng, 5)
    factor = rng.normal(0, 0.3, (patients, days, TRIGGER_COUNT, TRIGGER_COUNT))
    trigger = np.where(
        rng.random((patients, days, TRIGGER_COUNT)) < 0.3, rng.random((patients, days, TRIGGER_COUNT)), 1.0
    )
    trigger = np.where(rng.random(trigger.shape) < 0.5, 0.0, trigger)
    covariates = Covariates(
        trigger,
        rng.uniform(0.1, 0.4, trigger.shape),
        rng.normal(0, 0.5, trigger.shape),
        factor @ np.swapaxes(factor, -1, -2),
        rng.choice([-2 / 7, 5 / 7], (patients, days)),
    )
    evidence = live(
        rng, np.zeros(patients), np.ones((patients, TRIGGER_COUNT)), effects_of(by_evening=0.6), covariates, wrote
    )
    evidence.events[..., DRUG] = evidence.events[..., MIGRAINE] & (rng.random(evidence.diary.shape) < 0.5)
    evidence.pain[:] = np.where(evidence.diary, 0.0, rng.normal(0, 1, evidence.diary.shape))
    evidence.headache[:] = np.where(evidence.events[..., MIGRAINE], rng.integers(0, HEADACHES, (patients, days)), 0)
    lasting = rng.uniform(0.1, 0.7, (AGES, 2, HEADACHES))
    return points, effects._replace(lasting=lasting), covariates, evidence


def assert_exact(points, effects, covariates, evidence):
    prior = np.exp(points.log_prior)
    every, patients = range(len(points.level)), range(len(evidence.diary))
    found = np.array([[enumerate_paths(points, effects, covariates, evidence, i, m) for m in every] for i in patients])
    joint, ill = (found * prior[:, None, None]).transpose(2, 0, 3, 1)
    forecasts, _ = follow(points, effects, covariates, evidence)
    assert_allclose(forecasts.probability, ill.sum(axis=2) / joint.sum(axis=2), rtol=1e-9)
    for days in range(1, evidence.diary.shape[1] + 1):
        cut = slice(0, days)
        known = evidence.of_days(cut)
        _, filter_state = follow(points, effects, Covariates(*(array[:, cut] for array in covariates)), known)
        weight = joint[:, days - 1]
        assert_allclose(np.exp(filter_state.log_weight), weight / weight.sum(axis=1, keepdims=True), rtol=1e-9)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_filter_is_exact_where_days_are_missing(seed: int) -> None:
    """Against the sum over all hidden paths; the trace and the gaps themselves, where it averages, are left out."""
    points, effects, covariates, evidence = some_days(seed, effects_of(attack_history=0.0, entry_odds=1.0, weekend=0.6))
    assert 0.2 < evidence.diary.mean() < 0.8
    assert evidence.late.any()
    assert_exact(points, effects, covariates, evidence)


def test_the_filter_is_exact_with_the_trace_where_all_is_written_down() -> None:
    points, effects, covariates, evidence = some_days(
        2, effects_of(attack_history=1.3, entry_odds=0.5), wrote=1 - 1e-12
    )
    assert evidence.diary.all()
    assert evidence.late.any()
    assert_exact(points, effects, covariates, evidence)


def test_the_filter_is_exact_where_signs_come_on_the_evening_before() -> None:
    """Nobody's attack begins at night: whether one may, after a sign, is averaged over hypotheses."""
    effects = effects_of(attack_history=0.0, entry_odds=1.0, by_evening=1.0, early=0.2, conversion=0.9)
    points, effects, covariates, evidence = some_days(12, effects)
    points = points._replace(level=points.level - 1.5)  # nobody is so certain that signs have no room
    evidence = evidence._replace(late=np.zeros_like(evidence.late))
    evidence.events[..., 0] &= evidence.events[..., MIGRAINE]
    rng = np.random.default_rng(5)
    evidence.events[..., PRODROME] |= evidence.diary & ~evidence.events[..., MIGRAINE] & (rng.random((6, 9)) < 0.5)
    assert (evidence.events[..., PRODROME] & ~evidence.events[..., MIGRAINE]).sum() > 3
    assert_exact(points, effects, covariates, evidence)


def test_a_sign_is_forecast_as_often_as_attacks_follow_it() -> None:
    """20,000 evenings of persons who are known: said and come, after a sign and without one; four standard errors."""
    rng = np.random.default_rng(12)
    effects = effects_of(early=0.15, conversion=0.7, attack_history=0.4)
    covariates = triggers_alone(rng, 400, 60)
    levels, susceptibility = np.full(400, -1.3), np.full((400, TRIGGER_COUNT), 0.5)
    evidence = live(rng, levels, susceptibility, effects, covariates)
    points = Points(np.array([-1.3]), np.full((1, TRIGGER_COUNT), 0.5), np.zeros(1), np.zeros(1))
    said = follow(points, effects, covariates, evidence)[0].probability[:, 10:-1]
    outcome = evidence.events[:, 11:, 0]
    well, signs = ~evidence.events[:, 10:-1, MIGRAINE], evidence.events[:, 10:-1, PRODROME]
    for noted in (True, False):
        chosen = well & (signs == noted)
        p = said[chosen]
        assert abs(outcome[chosen].sum() - p.sum()) < 4 * np.sqrt((p * (1 - p)).sum()), noted
    assert said[well & signs].mean() > said[well & ~signs].mean() + 0.15


def test_after_a_sign_a_forecast_is_spread_over_both_things_that_it_may_mean() -> None:
    """Of tomorrow's attack, or faded: two chances, of which the forecast is the mean; after none there is one."""
    effects = effects_of(early=0.15, conversion=0.7, by_evening=1.0, attack_history=0.4)
    rng = np.random.default_rng(13)
    covariates = triggers_alone(rng, 200, 40)
    evidence = live(rng, np.full(200, -1.3), np.full((200, TRIGGER_COUNT), 0.5), effects, covariates)
    points = Points(np.array([-1.3]), np.full((1, TRIGGER_COUNT), 0.5), np.zeros(1), np.zeros(1))
    said = follow(points, effects, covariates, evidence, with_spread=True)[0]
    places = expit((np.arange(said.spread.shape[-1]) - said.spread.shape[-1] // 2) * 0.125)
    well, signs = ~evidence.events[..., MIGRAINE], evidence.events[..., PRODROME]
    spread = said.spread[:, :, 0]
    mean = (spread * places).sum(axis=-1)
    sd = np.sqrt((spread * places**2).sum(axis=-1) - mean**2)
    # A faded sign hinders an attack tonight, of which there is none here; a bin's error is 2e-4.
    assert np.abs(mean - said.probability)[well].max() < 5e-4
    assert (well & signs).sum() > 200
    assert np.median(sd[well & signs]) > 0.2
    assert sd[well & ~signs].max() < 0.05
    at_conversion = np.abs(places - 0.7) < 0.03
    assert np.all(spread[well & signs][:, at_conversion].sum(axis=-1) > 0.1)


BERNOULLI = {"refractory": 0.0, "lasting": np.zeros((AGES, 2, HEADACHES)), "by_evening": 1.0, "alarms": 0.0}
"""No carry-over, no attack goes on, none begins late: every day is a logistic draw of its own."""


def test_without_carry_over_the_posterior_is_a_weighted_logistic_regression() -> None:
    """Importance weights of the same hypotheses, by statsmodels' likelihood of a day."""
    from statsmodels.genmod.families import Binomial

    rng = np.random.default_rng(3)
    effects, points, covariates = effects_of(**BERNOULLI), points_of(rng, 200), triggers_alone(rng, 3, 80)
    evidence = live(rng, np.array([-2.0, -1.0, 0.0]), rng.uniform(0.2, 1, (3, TRIGGER_COUNT)), effects, covariates)
    _, filter_state = follow(points, effects, covariates, evidence)
    for i in range(3):
        x = np.vstack([np.zeros(TRIGGER_COUNT), (covariates.trigger - covariates.baseline)[i, :-1]])
        logit = points.level + x @ (effects.trigger * points.susceptibility).T
        y = evidence.events[i, :, MIGRAINE].astype(float)
        log_weight = points.log_prior + [Binomial().loglike(y, expit(column)) for column in logit.T]
        weight = np.exp(log_weight - log_weight.max())
        assert_allclose(np.exp(filter_state.log_weight[i]), weight / weight.sum(), rtol=1e-8, atol=1e-14)


def test_after_many_days_the_posterior_is_where_a_logistic_fit_is() -> None:
    """Bernstein-von Mises: mean and standard deviation within a tenth of the fit's standard error.

    Both differ by about 1 / sqrt(events) of a standard error, here 1 / sqrt(500) = 0.045, from the skewness alone.
    """
    import statsmodels.api as sm

    rng = np.random.default_rng(5)
    days, beta = 3000, 1.5
    effects = effects_of(**BERNOULLI, trigger=np.array([beta, 0.0, 0.0, 0.0]))
    covariates = triggers_alone(rng, 1, days)
    evidence = live(rng, np.array([-1.8]), np.full((1, TRIGGER_COUNT), 0.6), effects, covariates)
    y, x = evidence.events[0, 1:, MIGRAINE].astype(float), (covariates.trigger - covariates.baseline)[0, :-1, 0]
    fit = sm.Logit(y, sm.add_constant(x)).fit(disp=False)
    assert y.sum() > 400
    level, slope = (
        side.ravel()
        for side in np.meshgrid(
            *(mean + sd * np.linspace(-6, 6, 61) for mean, sd in zip(fit.params, fit.bse, strict=True))
        )
    )
    susceptibility = np.zeros((len(level), TRIGGER_COUNT))
    susceptibility[:, 0] = slope / beta
    flat_prior = Points(level, susceptibility, np.zeros(len(level)), np.full(len(level), -np.log(len(level))))
    _, filter_state = follow(flat_prior, effects, covariates, evidence)
    weight = np.exp(filter_state.log_weight[0])
    for values, mean, sd in zip((level, slope), fit.params, fit.bse, strict=True):
        ours = weight @ values
        assert abs(ours - mean) < 0.1 * sd
        assert abs(np.sqrt(weight @ (values - ours) ** 2) - sd) < 0.1 * sd


@pytest.fixture(scope="module")
def cohort():
    """Enough patients for a second thread, of whom a few began later or not at all."""
    points, effects, covariates, evidence = some_days(
        5, effects_of(attack_history=0.8, entry_odds=0.5, renewal=0.01), patients=70, days=20, wrote=0.7
    )
    begun = np.random.default_rng(0).choice([0, 0, 3, 20], 70)
    there = np.arange(20) >= begun[:, None]
    events, late = evidence.events & there[..., None], evidence.late.copy()
    late[np.arange(70)[begun < 20], begun[begun < 20]] = False
    return (
        points,
        effects,
        covariates,
        AttackEvidence(evidence.diary & there, events, evidence.headache, late & there, evidence.pain, begun),
    )


def test_a_patient_in_a_batch_is_as_alone(cohort) -> None:
    points, effects, covariates, evidence = cohort
    together, filter_state = follow(points, effects, covariates, evidence, with_spread=True)
    for i in (0, 1, 35, 69, int(np.argmax(evidence.begun == 3)), int(np.argmax(evidence.begun == 20))):
        row = slice(i, i + 1)
        own = Covariates(*(part[row] for part in covariates))
        alone, last = follow(points, effects, own, evidence.of_patients(row), with_spread=True)
        for ours, theirs in zip((*together, *filter_state), (*alone, *last), strict=True):
            assert_array_equal(ours[row], theirs)


def test_the_days_before_a_patient_began_change_nothing(cohort) -> None:
    """A history does not depend on who else is in the batch, and how early they began."""
    points, effects, covariates, evidence = cohort
    late_comers = np.flatnonzero(evidence.begun == 3)
    _, with_days_before = follow(
        points, effects, Covariates(*(part[late_comers] for part in covariates)), evidence.of_patients(late_comers)
    )
    _, without = follow(
        points,
        effects,
        Covariates(*(part[late_comers, 3:] for part in covariates)),
        evidence.of_patients(late_comers).since(3),
    )
    for ours, theirs in zip(with_days_before, without, strict=True):
        assert_allclose(ours, theirs, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("step", [1, 7])
def test_day_by_day_is_as_all_at_once(cohort, step: int) -> None:
    points, effects, covariates, evidence = cohort
    at_once, last = follow(points, effects, covariates, evidence)
    filter_state, said = None, []
    for first in range(0, 20, step):
        days = slice(first, first + step)
        part = evidence.of_days(days)._replace(begun=evidence.begun - first)
        forecasts, filter_state = follow(
            points, effects, Covariates(*(a[:, days] for a in covariates)), part, filter_state
        )
        said.append(forecasts.probability)
    assert_allclose(np.hstack(said), at_once.probability, rtol=1e-9)
    for ours, theirs in zip(filter_state, last, strict=True):
        assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


def test_an_empty_cohort_gives_empty_results() -> None:
    """The prior's mean: over hypotheses, of the probability of an onset on a usual day, none running."""
    rng = np.random.default_rng(6)
    points, effects = points_of(rng, 50), effects_of(attack_history=0.0)
    begun, silent = np.array([4, 4]), np.zeros((2, 4), dtype=bool)
    nothing = np.zeros((2, 4, len(EVENTS)), dtype=bool)
    nobody = AttackEvidence(silent, nothing, np.full((2, 4), NOT_TOLD), silent, np.zeros((2, 4)), begun)
    covariates = triggers_alone(rng, 2, 4)._replace(trigger=np.full((2, 4, TRIGGER_COUNT), 0.25))
    forecasts, filter_state = follow(points, effects, covariates, nobody)
    variance = np.sum(0.25 * 0.75 * (effects.trigger * 0.55) ** 2)
    expected = np.exp(points.log_prior) @ expit(points.level / np.sqrt(1 + np.pi * variance / 8))
    assert_allclose(forecasts.probability, expected, rtol=1e-12)
    assert_allclose(foresee(points, effects, filter_state).probability, expected, rtol=1e-12)
    assert_array_equal(filter_state.log_weight, np.tile(points.log_prior, (2, 1)))


def test_foreseeing_repeats_the_last_evening(cohort) -> None:
    points, effects, covariates, evidence = cohort
    forecasts, filter_state = follow(points, effects, covariates, evidence, with_spread=True)
    again = foresee(points, effects, filter_state)
    for ours, theirs in zip((*again[:6], again.spread), (*forecasts[:6], forecasts.spread), strict=True):
        assert_allclose(ours[:, 0], theirs[:, -1], rtol=1e-12, atol=1e-15)


DAYS = 8
flags = st.one_of(
    arrays(np.bool_, (1, DAYS, len(EVENTS))),
    st.sampled_from([np.zeros((1, DAYS, len(EVENTS)), bool), np.ones((1, DAYS, len(EVENTS)), bool)]),
)
days_of_flags = st.one_of(
    arrays(np.bool_, (1, DAYS)), st.sampled_from([np.zeros((1, DAYS), bool), np.ones((1, DAYS), bool)])
)


@given(
    days_of_flags, flags, arrays(np.int64, (1, DAYS), elements=st.integers(0, 2)), days_of_flags,
    arrays(np.float64, (1, DAYS), elements=st.floats(-30, 30)),
    st.sampled_from([0.0, 0.3, 1.0]), st.sampled_from([0.0, 0.85, 1.0]), st.sampled_from([0.0, 0.1, 3.0]),
    st.sampled_from([-12.0, -2.0, 12.0]), st.sampled_from([0.0, 0.01]),
)  # fmt: skip
@examples(max_examples=300)
def test_a_forecast_is_a_probability_whatever_was_recorded(
    diary, events, headache, late, pain, lasting, by_evening, alarms, level, renewal
) -> None:
    rng = np.random.default_rng(7)
    effects = effects_of(
        lasting=np.full((AGES, 2, HEADACHES), lasting), by_evening=by_evening, alarms=alarms, attack_history=1.0,
        entry_odds=0.5, renewal=renewal,
    )  # fmt: skip
    points = points_of(rng, 6)
    points = points._replace(level=points.level + level)
    evidence = AttackEvidence(diary, events, headache, late, pain, np.zeros(1, dtype=np.int64))
    forecasts, filter_state = follow(points, effects, triggers_alone(rng, 1, DAYS), evidence, with_spread=True)
    for probability in (
        forecasts.probability,
        forecasts.onset,
        forecasts.goes_on,
        forecasts.ill,
        forecasts.attack_history,
    ):
        assert np.all((probability >= 0) & (probability <= 1 + 1e-12))
    assert_allclose(np.exp(filter_state.log_weight).sum(axis=1), 1, rtol=1e-9)
    assert_allclose(forecasts.spread.sum(axis=(2, 3)), 1, rtol=1e-9)
    assert np.all(np.isfinite(forecasts.log_evidence))


def test_later_days_change_no_earlier_forecast(cohort) -> None:
    points, effects, covariates, evidence = cohort
    before, _ = follow(points, effects, covariates, evidence)
    rng = np.random.default_rng(8)
    later = np.arange(20) >= 12
    other = AttackEvidence(
        evidence.diary ^ (later & (rng.random(evidence.diary.shape) < 0.5)),
        evidence.events ^ (later[:, None] & (rng.random(evidence.events.shape) < 0.5)),
        np.where(later, RUNS, evidence.headache),
        evidence.late ^ later,
        evidence.pain + later,
        evidence.begun,
    )
    changed = Covariates(*(part + later.reshape(1, -1, *[1] * (part.ndim - 2)) for part in covariates))
    after, _ = follow(points, effects, changed, other)
    assert_array_equal(after.probability[:, :12], before.probability[:, :12])
    assert np.all(after.probability[evidence.begun < 12, 12:] != before.probability[evidence.begun < 12, 12:])


def gap(entry_odds: float, pain: float):
    """Forty days without migraine, written down; then one that is not."""
    rng = np.random.default_rng(9)
    diary = np.ones((1, 41), dtype=bool)
    diary[:, -1] = False
    felt = np.where(diary, 0.0, pain)
    evidence = AttackEvidence(
        diary,
        np.zeros((1, 41, len(EVENTS)), bool),
        np.full((1, 41), NOT_TOLD),
        np.zeros((1, 41), bool),
        felt,
        np.zeros(1, dtype=np.int64),
    )
    return follow(points_of(rng, 50), effects_of(entry_odds=entry_odds), triggers_alone(rng, 1, 41), evidence)[0]


def test_a_missing_entry_tells_of_a_migraine_where_people_write_less_on_such_days() -> None:
    baseline, telling = gap(1.0, 0.0), gap(0.4, 0.0)
    assert telling.ill[0, -1] > 1.5 * baseline.ill[0, -1] > 0
    assert telling.probability[0, -1] > baseline.probability[0, -1]
    assert_array_equal(telling.ill[0, :-1], baseline.ill[0, :-1])


def test_device_readings_raise_the_odds_of_a_migraine_day() -> None:
    """Odds of a migraine on a day that was not written down are multiplied by the likelihood ratio, per hypothesis."""
    painful, silent, none = (gap(1.0, pain).ill[0, -1] for pain in (2.0, 0.0, -2.0))
    assert painful > silent > none > 0
    odds = silent / (1 - silent)
    assert_allclose(painful, odds * np.exp(2) / (1 + odds * np.exp(2)), rtol=1e-9)  # odds of the mixture of them too


def test_likelihoods_are_what_weights_and_evidence_are_made_of(cohort) -> None:
    """log evidence = log sum w l, with the weights of the evening before, renewed overnight; w l are the next."""
    points, effects, covariates, evidence = cohort
    plain, _ = follow(points, effects, covariates, evidence)
    said, last = follow(points, effects, covariates, evidence, with_likelihood=True)
    for ours, theirs in zip(said[:-1], plain[:-1], strict=True):
        assert_array_equal(ours, theirs)
    assert plain.likelihood.shape == (70, 20, 0)
    prior = np.exp(points.log_prior)
    weight = np.tile(prior, (70, 1))
    for k in range(20):
        result = (k >= evidence.begun)[:, None]
        renewed = np.where(result, (1 - effects.renewal) * weight + effects.renewal * prior, weight)
        joint = renewed * np.exp(said.likelihood[:, k])
        total = joint.sum(axis=1, keepdims=True)
        assert_allclose(np.log(total[:, 0]), np.where(result[:, 0], said.log_evidence[:, k], 0), rtol=1e-9, atol=1e-12)
        weight = joint / total
    assert_allclose(weight, np.exp(last.log_weight), rtol=1e-9)
    assert_array_equal(said.likelihood[np.arange(20) < evidence.begun[:, None]], 0)


@pytest.mark.parametrize("cut", [1, 3, 10])
def test_days_put_together_again_are_the_same_days(cohort, cut: int) -> None:
    """Whoever had not begun before the cut begins after it; the first days do not know when."""
    evidence = cohort[3]
    early = evidence.of_days(slice(0, cut))._replace(begun=np.minimum(evidence.begun, cut))
    for ours, theirs in zip(early.then(evidence.since(cut)), evidence, strict=True):
        assert_array_equal(ours, theirs)
