from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator
from migraine_platform.simulator.cohort.effects import true_effects
from migraine_platform.simulator.cohort.interventions import Intervention, PairedWorlds, under
from migraine_platform.simulator.generative.profiles import first_patients
from migraine_platform.simulator.generative.treatment import TreatmentError
from migraine_platform.warehouse.contracts import audit
from migraine_platform.warehouse.tables import TruthInterventions


@pytest.fixture(scope="module")
def simulator(simulator_of) -> CohortSimulator:
    return simulator_of(cohort={"patients": 600, "days": 112}, drift={"share": 0.0})


@pytest.fixture(scope="module")
def patients(simulator: CohortSimulator):
    return first_patients(simulator.settings, 600)


def test_worlds_are_the_same_until_the_treatment_starts(simulator, patients) -> None:
    worlds = simulator.paired(patients, Intervention("topiramate", start=40), replicates=2)
    without, treated = worlds.without.migraine, worlds.treated.migraine
    assert np.array_equal(without[:, :, :41], treated[:, :, :41])
    assert treated[:, :, 60:].sum() < without[:, :, 60:].sum()
    assert not np.array_equal(without[0], without[1])


def test_without_an_intervention_the_worlds_are_one(simulator, patients) -> None:
    again = PairedWorlds(simulator.simulate(patients, None, 2), simulator.simulate(patients, None, 2))
    days, error = again.days_a_month()
    assert np.all(days == 0)
    assert np.all(error == 0)


@pytest.mark.parametrize("name", ["cgrp_antibody", "candesartan"])
def test_a_preventive_saves_the_days_it_is_configured_to(simulator, patients, name: str) -> None:
    """In patients of 4-14 days a month, once it works; three replicates, five standard errors and the fit's own 0.2."""
    trial = (patients.frequency >= 4 / 30) & (patients.frequency <= 14 / 30)
    worlds = simulator.paired(patients, Intervention(name), replicates=3)
    days, _ = worlds.days_a_month(after=56)
    wanted = simulator.settings.treatments.preventive[name].days_a_month
    saved = days[trial]
    assert abs(saved.mean() - wanted) < 5 * saved.std() / np.sqrt(len(saved)) + 0.2


def test_an_effect_fades_after_the_last_day(simulator, patients) -> None:
    day_effects = under(
        simulator.day_effects,
        simulator.settings.treatments,
        simulator.calibration,
        simulator.calendar,
        Intervention("beta_blocker", start=0, stop=60),
    )
    hazard = day_effects.hazard[simulator.calendar.burn_in :]
    full = simulator.calibration.preventive["beta_blocker"]
    assert hazard[0] == 0
    assert_allclose(hazard[60], full, rtol=0.07)
    assert_allclose(hazard[67] / hazard[60], np.exp(-1), rtol=1e-9)


def test_acute_drugs_shorten_headaches_and_the_stronger_more(simulator, patients) -> None:
    hours = {}
    for name in ("sumatriptan_6_sc", "rimegepant_75"):
        hours[name] = simulator.paired(patients, Intervention(name), replicates=2).hours_a_month()[0].mean()
    assert hours["sumatriptan_6_sc"] < hours["rimegepant_75"] < 0


def test_behaviour_moves_the_features_it_names(simulator, patients) -> None:
    average = simulator.trajectories(patients, replicate=1).days
    day_effects = under(
        simulator.day_effects,
        simulator.settings.treatments,
        simulator.calibration,
        simulator.calendar,
        Intervention("trigger_diet"),
    )
    changed = CohortSimulator(simulator.settings, simulator.features, simulator.calibration)
    changed.__dict__["day_effects"] = day_effects
    dieting = changed.trajectories(patients, replicate=1).days
    late = slice(60, None)
    for name, factor in (("alcohol_consumed", 0.2), ("caffeine_consumed", 0.5)):
        ratio = dieting.flag(name)[:, late].mean() / average.flag(name)[:, late].mean()
        assert_allclose(ratio, factor, atol=0.02)
    assert np.array_equal(dieting.value("steps")[:, 0], average.value("steps")[:, 0])


def test_more_replicates_know_an_effect_better(simulator, patients) -> None:
    few = simulator.paired(patients, Intervention("cgrp_antibody"), replicates=4).days_a_month(28)[1]
    many = simulator.paired(patients, Intervention("cgrp_antibody"), replicates=16).days_a_month(28)[1]
    assert_allclose(many.mean() / few.mean(), 0.5, atol=0.1)


def test_the_truth_table_keeps_its_contract_and_does_not_depend_on_the_horizon(simulator_of) -> None:
    one, other = (true_effects(simulator_of(cohort={"days": days})) for days in (40, 77))
    result = audit(TruthInterventions, one.select([column.name for column in TruthInterventions.columns]))
    assert result.passed, result.summary()
    assert one.equals(other)
    assert one["intervention"].n_unique() == 15


@pytest.mark.parametrize(
    ("intervention", "message"),
    [
        (Intervention("homeopathy"), 'treatment "homeopathy" is not configured; expected one of: sumatriptan_100'),
        (Intervention("topiramate", start=500), "topiramate: taken from day 500 to None; expected days of the cohort"),
        (Intervention("topiramate", start=9, stop=9), "topiramate: taken from day 9 to 9"),
    ],
)
def test_an_impossible_intervention_is_named(simulator, patients, intervention: Intervention, message: str) -> None:
    with pytest.raises(TreatmentError, match=message):
        simulator.simulate(patients, intervention, 2)
