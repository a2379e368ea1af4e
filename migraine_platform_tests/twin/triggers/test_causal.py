from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from numpy.typing import NDArray

from migraine_platform.twin.data.features import COLUMNS, NAMES
from migraine_platform.twin.triggers.causal import (
    ADJUSTED,
    DOUBTED,
    EDGES,
    EXPOSURES_OF,
    IF_DOUBTED,
    LOAD,
    OUTCOME,
    ROLES,
    TRIGGER_NODES,
    CausalError,
    closes_back_doors,
    forbidden,
    graph,
    is_offered,
    meaning,
    needed,
)

SURE = 3.89
"""Standard errors: a normal is farther from its mean once in 10,000."""


@pytest.mark.parametrize("doubted", [False, True])
def test_the_graph_has_no_cycle_and_no_node_of_its_own(doubted: bool) -> None:
    world = graph(doubted)
    assert nx.is_directed_acyclic_graph(world)
    assert set(world) == set(ROLES)
    assert not list(nx.isolates(world))


def test_every_edge_is_there_once_and_has_its_reason() -> None:
    pairs = [(edge.cause, edge.effect) for edge in (*EDGES, *DOUBTED)]
    assert len(set(pairs)) == len(pairs)
    assert all(edge.reason for edge in (*EDGES, *DOUBTED))


@pytest.mark.parametrize("trigger", TRIGGER_NODES)
def test_what_the_model_holds_closes_every_back_door_of_a_trigger(trigger: str) -> None:
    assert closes_back_doors(trigger, ADJUSTED)
    assert meaning(trigger, ADJUSTED) == "direct"
    assert closes_back_doors(trigger, (*ADJUSTED, "diary_entry")), "having an entry today opens nothing"


@pytest.mark.parametrize("trigger", TRIGGER_NODES)
def test_none_of_what_the_model_holds_can_be_left_out(trigger: str) -> None:
    assert needed(trigger) == set(ADJUSTED) - {trigger}


@pytest.mark.parametrize("trigger", TRIGGER_NODES)
def test_the_weekday_need_not_be_held_because_it_acts_by_the_exposures_alone(trigger: str) -> None:
    assert needed(trigger, (*ADJUSTED, "weekday")) == set(ADJUSTED) - {trigger}


def test_leaving_out_the_migraine_of_today_opens_the_door_by_the_night_it_spoils() -> None:
    world = graph()
    assert world.has_edge("migraine_today", "total_sleep_hours")
    assert world.has_edge("migraine_today", "hazard_tomorrow")
    assert not closes_back_doors("trigger_sleep", set(ADJUSTED) - {"migraine_today"})


@pytest.mark.parametrize("trigger", TRIGGER_NODES)
@pytest.mark.parametrize("sign", ["prodrome", OUTCOME, "diary_entry_tomorrow", "hazard_tomorrow"])
def test_effects_of_the_hazard_are_never_adjusted_for(trigger: str, sign: str) -> None:
    assert sign in forbidden(trigger)
    assert not closes_back_doors(trigger, (*ADJUSTED, sign))
    assert meaning(trigger, (*ADJUSTED, sign)) == "neither"


def test_the_latent_load_must_not_be_held_when_the_total_effect_is_wanted() -> None:
    before = ("person", "past_exposures", "recent_migraines", "migraine_today", "weekday", "exposure_drift")
    for trigger in ("trigger_weather", "trigger_sleep"):
        assert LOAD in forbidden(trigger)
        assert meaning(trigger, before) == "total"
    assert "trigger_stress" in forbidden("trigger_sleep"), "a short night makes a tense day"
    assert meaning("trigger_stress", before) == "neither", "the night before is a common cause"
    assert meaning("trigger_stress", (*before, "total_sleep_hours")) == "total"
    assert LOAD not in forbidden("trigger_diet"), "foods do not load the latent state"


@pytest.mark.parametrize("trigger", TRIGGER_NODES)
def test_the_doubted_edges_open_back_doors_and_say_what_would_close_them(trigger: str) -> None:
    assert not closes_back_doors(trigger, ADJUSTED, doubted=True)
    assert closes_back_doors(trigger, (*ADJUSTED, *IF_DOUBTED), doubted=True)
    assert set(IF_DOUBTED) <= needed(trigger, (*ADJUSTED, *IF_DOUBTED), doubted=True)


def test_signs_symptoms_medication_and_wearables_are_never_offered() -> None:
    offered = {name for name in NAMES if is_offered(name)}
    assert not [name for name in offered if name.startswith(("symptom.", "treatment.", "physiological."))]
    assert {name for name in COLUMNS if is_offered(name)} == {
        *(column for columns in EXPOSURES_OF.values() for column in columns),
        *("temperature", "humidity", "pressure", "awake_time_mins", "water_consumed_liters", "processed_food_consumed"),
    }
    assert all(is_offered(trigger) for trigger in TRIGGER_NODES)
    assert not is_offered("prodrome")
    assert not is_offered("light_exposure"), "in pain people keep to the dark"


def test_a_name_that_nobody_knows_is_refused() -> None:
    with pytest.raises(CausalError, match="moon"):
        is_offered("moon")
    with pytest.raises(CausalError, match="moon"):
        closes_back_doors("trigger_diet", ("moon",))
    with pytest.raises(CausalError, match="no trigger; expected one of trigger_weather"):
        forbidden("weekday")
    with pytest.raises(CausalError, match="back doors are open although person"):
        needed("trigger_sleep", ("person",))


@pytest.fixture(scope="module")
def world() -> dict[str, NDArray[np.float64]]:
    return days_of_the_graph(200_000, 0.0)


@pytest.mark.parametrize(("trigger", "effect"), [("sleep", 0.8), ("stress", 0.6), ("diet", 0.4)])
def test_holding_what_the_model_holds_finds_the_planted_effects(world, trigger: str, effect: float) -> None:
    """The adjusted estimate within 3.89 standard errors of the truth: a false alarm once in 10,000."""
    estimate, error = slope(world, trigger, HELD)
    assert abs(estimate - effect) < SURE * error


def test_leaving_out_the_migraine_of_today_biases_the_effect_of_sleep(world) -> None:
    estimate, error = slope(world, "sleep", [name for name in HELD if name != "migraine"])
    assert estimate < 0.8 - SURE * error, "a refractory day after a night in pain looks like a harmless night"


def test_leaving_out_the_load_counts_its_share_to_the_trigger(world) -> None:
    estimate, error = slope(world, "sleep", [name for name in HELD if name != "latent"])
    assert estimate > 0.8 + SURE * error


def test_the_doubted_noise_moves_the_effect_of_sleep_by_little() -> None:
    """Noise of 0.2 log-odds, as the simulator's, of which all is yesterday's: less than 0.03, give or take sampling."""
    estimate, error = slope(days_of_the_graph(200_000, 0.2), "sleep", HELD)
    assert abs(estimate - 0.8) < 0.03 + SURE * error


HELD = ["sleep", "stress", "diet", "latent", "migraine", "recent", "person"]


def days_of_the_graph(count: int, lasting_noise: float) -> dict[str, NDArray[np.float64]]:
    """Days drawn along the edges of the graph, each of another person; pain costs a night an hour and a half.

    Args:
        lasting_noise: sd, in log-odds, of a latent noise of tomorrow that raised today's hazard too.
    """
    rng = np.random.default_rng(11)
    person, noise = rng.normal(0, 0.7, count), lasting_noise * rng.normal(size=count)
    weekend = rng.random(count) < 2 / 7
    past = rng.normal(0, 1.5, count)  # yesterday's hours of sleep around the mean
    recent = rng.binomial(5, expit(-1.2 + person + 0.4 * (past < -1.5))) / 5
    migraine = (rng.random(count) < expit(-1.5 + person + 0.8 * (past < -1.5) + recent + noise)).astype(float)
    hours = 6.5 + 0.3 * past + 0.75 * weekend - 1.5 * migraine - 0.3 * recent + 0.2 * person + rng.normal(0, 1.4, count)
    stress = 5 - weekend + 1.0 * migraine - 0.3 * (hours - 7) + rng.normal(0, 2, count)
    rises = (stress - rng.normal(4.5, 2, count) >= 3).astype(float)
    sleeps = ((hours < 5) | (hours > 9)).astype(float)
    foods = (rng.random((count, 3)) < 0.3 + 0.2 * np.outer(weekend, [1, 0, 0])).sum(axis=1)
    latent = 0.1 * (stress - 5) - 0.1 * (hours - 7) + 0.15 * np.abs(hours - 7) - 0.05 * past + rng.normal(0, 0.2, count)
    logit = -1.2 + person + 0.8 * sleeps + 0.6 * rises + 0.4 * (foods >= 2) + latent - 1.2 * migraine + recent + noise
    columns = {"sleep": sleeps, "stress": rises, "diet": (foods >= 2).astype(float), "latent": latent}
    columns |= {"migraine": migraine, "recent": recent, "person": person}
    return columns | {"onset": (rng.random(count) < expit(logit)).astype(float)}


def slope(days: dict[str, NDArray[np.float64]], trigger: str, held: list[str]) -> tuple[float, float]:
    """A trigger's log-odds and their standard error by Newton's method."""
    X = np.stack([np.ones(len(days["onset"])), *(days[name] for name in held)], axis=1)
    theta = np.zeros(X.shape[1])
    for _ in range(8):
        p = expit(X @ theta)
        hessian = (X * (p * (1 - p))[:, None]).T @ X
        theta = theta + np.linalg.solve(hessian, X.T @ (days["onset"] - p))
    place = 1 + held.index(trigger)
    return float(theta[place]), float(np.linalg.inv(hessian)[place, place] ** 0.5)


def expit(logit: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-logit)))
