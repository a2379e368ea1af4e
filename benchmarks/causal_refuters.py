"""Claim: the triggers' effects survive four attempts to refute them.

python benchmarks/causal_refuters.py [patients days]

The estimate is a trigger's slope in one logistic regression of tomorrow's onset on the four triggers and on what the
causal graph says must be held: the load that the recorded exposures make expect, today's migraine, the trace of recent
migraine days, the person's level. It is estimated anew

    random common cause       with one more column, of noise: nothing should change
    placebo treatment         with the trigger's days shuffled: nothing should be left
    data subset               on four fifths of the persons, drawn at random: it should stay within its error
    unobserved common cause   with a hidden yes or no u that multiplies the odds of the trigger by exp(g) and of an
                              onset by exp(d), drawn from logit P(u = 1 | trigger, y) = g trigger + d y: how strong
                              would it have to be?

Errors allow for days of one person being alike: they come from the subsets of persons, sd sqrt(f / (1 - f)). dowhy has
the same four refuters; its releases for this Python either refuse our SciPy or break on our networkx and pandas.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from migraine_platform.config.simulator.latent import INPUTS
from migraine_platform.priors.vocabulary import TRIGGER_NAMES
from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator, Trajectories

if TYPE_CHECKING:
    from numpy.typing import NDArray

NEWTON_STEPS = 12
SUBSET = 0.8
STRENGTHS = (0.25, 0.5, 1.0)
MEMORY = 0.9
"""Of the trace of migraine days, per day."""
BY_DEVICE = ("total_sleep_hours", "awake_time_mins")
COLUMN = {"water_liters": "water_consumed_liters"}
"""Where an input's name is not its column's."""


class Sample(NamedTuple):
    """N patient-days."""

    treatment: NDArray[np.float64]
    """[N] 1 on days with the trigger"""
    adjusters: NDArray[np.float64]
    """[N, A] what is held"""
    outcome: NDArray[np.float64]
    """[N] 1 if an onset followed on the next day"""
    person: NDArray[np.int64]
    """[N]"""

    def of(self, rows: NDArray[np.bool_]) -> Sample:
        """Some of the days."""
        return Sample(*(column[rows] for column in self))


class Refuted(NamedTuple):
    """What an attempt made of the estimate."""

    mean: float
    sd: float
    """Between the replicates."""
    replicates: int

    @property
    def error(self) -> float:
        """Standard error of the mean over replicates."""
        return self.sd / float(np.sqrt(self.replicates))


def effect(sample: Sample) -> tuple[float, float]:
    """A trigger's log-odds, the adjusters held, and their standard error were all days independent."""
    X = np.column_stack([sample.treatment, np.ones(len(sample.outcome)), sample.adjusters])
    theta = np.zeros(X.shape[1])
    for _ in range(NEWTON_STEPS):
        p = 1 / (1 + np.exp(-(X @ theta)))
        hessian = (X * (p * (1 - p))[:, None]).T @ X
        step = np.linalg.solve(hessian, X.T @ (sample.outcome - p))
        theta = theta + step
        if np.abs(step).max() < 1e-10:
            break
    return float(theta[0]), float(np.linalg.inv(hessian)[0, 0] ** 0.5)


def random_common_cause(sample: Sample, rng: np.random.Generator, replicates: int) -> Refuted:
    """The estimate with a column of noise among the adjusters."""
    return _repeated(
        sample._replace(adjusters=np.column_stack([sample.adjusters, rng.normal(size=len(sample.outcome))]))
        for _ in range(replicates)
    )


def placebo_treatment(sample: Sample, rng: np.random.Generator, replicates: int) -> Refuted:
    """The estimate of shuffled triggers."""
    return _repeated(sample._replace(treatment=rng.permutation(sample.treatment)) for _ in range(replicates))


def data_subset(sample: Sample, rng: np.random.Generator, replicates: int, share: float = SUBSET) -> Refuted:
    """The estimate on a share of the persons."""
    persons = np.unique(sample.person)
    count = round(share * len(persons))
    return _repeated(
        sample.of(np.isin(sample.person, rng.choice(persons, count, replace=False))) for _ in range(replicates)
    )


def unobserved_common_cause(
    sample: Sample, on_treatment: float, on_outcome: float, rng: np.random.Generator, replicates: int
) -> Refuted:
    """The estimate that would be found could a hidden cause of such strength, in log-odds, be held.

    If u given trigger and outcome is logistic with these slopes, then so is the outcome given trigger and u, with
    `on_outcome` as the slope of u.
    """
    tilt = on_treatment * (sample.treatment - sample.treatment.mean())
    tilt += on_outcome * (sample.outcome - sample.outcome.mean())
    share = 1 / (1 + np.exp(-tilt))
    return _repeated(
        sample._replace(adjusters=np.column_stack([sample.adjusters, rng.random(len(share)) < share]))
        for _ in range(replicates)
    )


def person_error(subsets: Refuted, share: float = SUBSET) -> float:
    """Standard error of the estimate, days of one person being alike, from its spread over subsets of persons."""
    return subsets.sd * float(np.sqrt(share / (1 - share)))


def _repeated(samples: Iterator[Sample]) -> Refuted:
    effects = np.array([effect(sample)[0] for sample in samples])
    return Refuted(float(effects.mean()), float(effects.std(ddof=1)), len(effects))


def expected_load(simulator: CohortSimulator, trajectories: Trajectories) -> NDArray[np.float64]:
    """[P, K] w . Z of tomorrow as the recorded exposures make it; one that was not recorded counts as usual, 0."""
    from migraine_platform.priors.features import select
    from migraine_platform.priors.impact import ImpactScorer

    process, kept = simulator.settings.latent, slice(simulator.calendar.burn_in, None)
    diary, device = trajectories.recorded.diary, trajectories.recorded.device
    scores = []
    for name in INPUTS:
        values = (
            trajectories.persons.cycle_standard
            if name == "cycle_day"
            else trajectories.days.value(COLUMN.get(name, name))
        )
        values = (values[:, kept] if name == "cycle_day" else values).astype(float)
        scorer = ImpactScorer(select(simulator.features, [name]))
        u = scorer.centred(values.reshape(-1, 1)).reshape(values.shape)
        known = device if name in BY_DEVICE else diary if name in ("stress_level", "water_liters") else values != 0
        scores.append(np.where(known, u, 0.0))
    A, w = np.array(process.A), np.array(process.w)
    B = np.column_stack([process.B[name] for name in INPUTS])
    u, z = np.stack(scores, axis=-1), np.zeros((len(diary), len(w)))
    latent = np.empty(diary.shape)
    for t in range(diary.shape[1]):
        z = z @ A.T + u[:, t] @ B.T
        latent[:, t] = z @ w
    return latent


def samples(simulator: CohortSimulator, trajectories: Trajectories) -> dict[str, Sample]:
    """One sample per trigger, of the same days: all four triggers known, tomorrow's diary filled, an onset possible."""
    diary, days = trajectories.recorded.diary, trajectories.days
    migraine = days.flag("has_migraine") & diary
    attack_history = np.zeros(diary.shape)
    for t in range(1, diary.shape[1]):
        attack_history[:, t] = MEMORY * attack_history[:, t - 1] + (1 - MEMORY) * migraine[:, t - 1]
    frequency = trajectories.patients.frequency
    person = np.broadcast_to(np.log(frequency / (1 - frequency))[:, None], diary.shape)
    held = np.stack([expected_load(simulator, trajectories), migraine, attack_history, person], axis=-1)
    known = (diary & trajectories.recorded.device)[:, 1:-1] & diary[:, :-2] & diary[:, 2:] & days.at_risk[:, 2:]
    triggers = np.moveaxis(days.trigger(), 0, -1)[:, 1:-1][known].astype(float)
    onset = days.flag("onset")[:, 2:][known].astype(float)
    who = np.nonzero(known)[0]
    return {
        name: Sample(
            triggers[:, k], np.column_stack([np.delete(triggers, k, axis=1), held[:, 1:-1][known]]), onset, who
        )
        for k, name in enumerate(TRIGGER_NAMES)
    }


def report(name: str, sample: Sample, truth: float, rng: np.random.Generator) -> None:
    """A trigger's figures, a line each."""
    found = effect(sample)[0]
    subsets = data_subset(sample, rng, 60)
    print(f"{name}: {found:+.3f} +- {person_error(subsets):.3f} log-odds, planted {truth:.3f} on average")
    for label, result in {
        "random common cause": random_common_cause(sample, rng, 20),
        "placebo treatment": placebo_treatment(sample, rng, 40),
        f"{SUBSET:.0%} of persons": subsets,
    }.items():
        print(f"    {label:24}{result.mean:+.3f}, sd {result.sd:.3f}")
    for strength in STRENGTHS:
        result = unobserved_common_cause(sample, strength, strength, rng, 10)
        print(f"    hidden cause of {strength:<8.2f}{result.mean:+.3f}, sd {result.sd:.3f}")


if __name__ == "__main__":
    from measure import machine

    from migraine_platform.config import load_settings
    from migraine_platform.priors.workbook.configured import configured_features
    from migraine_platform.simulator.cohort.parameter_fitting import fit_parameters
    from migraine_platform.simulator.generative.profiles import first_patients

    patients, days = (int(argument) for argument in sys.argv[1:3]) if len(sys.argv) > 2 else (400, 150)
    settings = load_settings("default")
    cohort = settings.simulator.cohort.model_copy(update={"patients": patients, "days": days})
    model = settings.simulator.model_copy(update={"cohort": cohort})
    features = configured_features(settings.priors)
    simulator = CohortSimulator(model, features, fit_parameters(model, features))
    trajectories = simulator.trajectories(first_patients(model, patients))
    print(machine())
    drawn = samples(simulator, trajectories)
    print(f"{patients:,} patients x {days} days, {len(next(iter(drawn.values())).outcome):,} usable")
    planted = np.array(simulator.calibration.beta) * trajectories.patients.susceptibility.mean(axis=0)
    for (name, sample), truth in zip(drawn.items(), planted, strict=True):
        report(name, sample, float(truth), np.random.default_rng(1))
