"""What causes what around an onset, written down, and what a trigger's figure may therefore be adjusted for.

    graph        nodes of the past, of today (day t), of tomorrow (t + 1); an edge is a direct cause and has a reason
    back door    a path trigger <- ... -> onset: association that is no effect. Closed if, with the trigger's outgoing
                 edges removed, trigger and onset are d-separated by what is adjusted for, and none of that is an effect
                 of the trigger
    direct       what a trigger's figure means: the flag's own term in tomorrow's log-odds, latent load held
    total        what changing the behaviour would do: by its flag, by the load and by what follows within the day

`DOUBTED` are edges that the graph leaves out because they are thought weak, although the simulator, or life, has them.
A lasting unmeasured cause of attacks makes a collider of today's migraine, which the model holds: with these edges the
back doors are closed only if `IF_DOUBTED` is held too. Every adjuster is needed given the others, because holding the
load makes colliders of it: whoever slept badly and still has a low load has less of everything else.

Belongs here: the graph and what follows from it. Does not: any estimate.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, NamedTuple

from migraine_platform.config.simulator.copula import WEARABLE_FEATURES
from migraine_platform.domain.exposures import CYCLE_DAY
from migraine_platform.errors import UserError
from migraine_platform.priors.vocabulary import LIVED, TRIGGERS

if TYPE_CHECKING:
    import networkx as nx


class CausalError(UserError):
    """A name that the causal graph does not know."""


class Role(StrEnum):
    """What a node is to a person who looks for triggers."""

    CONTEXT = "context"
    EXPOSURE = "exposure"
    TRIGGER = "trigger"
    STATE = "state"
    ATTACK = "attack"
    SIGN = "sign"


class Edge(NamedTuple):
    """A direct cause."""

    cause: str
    effect: str
    reason: str


Meaning = Literal["direct", "total", "neither"]

TRIGGER_NODES = tuple(trigger.node for trigger in TRIGGERS)
OUTCOME = "onset_tomorrow"
LOAD = "expected_load"
ADJUSTED = (LOAD, "migraine_today", "recent_migraines", "person", *TRIGGER_NODES)
"""What the trigger model holds; of one trigger, the others."""

EXPOSURES_OF = {trigger.node: trigger.exposures for trigger in TRIGGERS}
"""What each trigger is read from, today."""

_LOADING = ("awake_time_mins", "water_consumed_liters", "temperature", "humidity")
_DAILY = (*(name for names in EXPOSURES_OF.values() for name in names if name != CYCLE_DAY), *_LOADING)
_READ = {name for names in EXPOSURES_OF.values() for name in names}
_IDLE = tuple(
    name for name in ("pressure", "processed_food_consumed", *(one.name for one in LIVED)) if name not in _READ
)
"""Without an effect in this graph, yet of the kind that a person may ask about."""

ROLES: dict[str, Role] = {
    **dict.fromkeys(
        ("person", "weekday", "cycle_day", "exposure_drift", "hazard_drift", "past_exposures"), Role.CONTEXT
    ),
    **dict.fromkeys((*_DAILY, *_IDLE), Role.EXPOSURE),
    **dict.fromkeys(TRIGGER_NODES, Role.TRIGGER),
    **dict.fromkeys((LOAD, "latent_noise", "latent_load", "hazard_tomorrow"), Role.STATE),
    **dict.fromkeys(("recent_migraines", "migraine_today", OUTCOME), Role.ATTACK),
    **dict.fromkeys(("acute_medication", "prodrome", "wearable_signs", "sleep_quality"), Role.SIGN),
    **dict.fromkeys(("diary_entry", "diary_entry_tomorrow"), Role.SIGN),
}

_NODE_OF = {
    **dict.fromkeys(("rmssd", "resting_heart_rate", "electrodermal_activity", "skin_temperature"), "wearable_signs"),
    **dict.fromkeys(
        ("steps", "light_exposure", "noise_level"), "wearable_signs"
    ),  # in pain people keep still, in the dark
    **dict.fromkeys(("deep_sleep_pct", "rem_sleep_pct"), "sleep_quality"),
    **dict.fromkeys(("migraine_by_evening", "headache_at_evening"), "migraine_today"),
}
"""Columns of a day that are not nodes by themselves."""


def _edges() -> tuple[Edge, ...]:
    read_off = [
        Edge(exposure, trigger.node, "the trigger is read off its value")
        for trigger in TRIGGERS
        if trigger.lag[0] == 0
        for exposure in trigger.exposures
    ]
    loaded = (*_LOADING, "pressure_change_24h", "total_sleep_hours", "stress_level", "cycle_day", "past_exposures")
    load = [Edge(name, LOAD, "drives the latent state through its impact score") for name in loaded]
    by_trigger = dict.fromkeys(name for trigger in TRIGGERS if trigger.loads for name in trigger.exposures)
    load += [Edge(name, LOAD, "loads the latent state as a trigger") for name in by_trigger if name not in loaded]
    homes = (*_DAILY, *_IDLE, "past_exposures")
    habits = [Edge("person", name, "habits and home differ between persons") for name in homes]
    persistent = [Edge("past_exposures", name, "days resemble the days before") for name in _DAILY]
    worn = (name for name in WEARABLE_FEATURES if name in _READ)
    pained = ("total_sleep_hours", "awake_time_mins", "sleep_quality", "stress_level", "wearable_signs", *worn)
    pain = [Edge("migraine_today", name, "pain spoils nights, strains, and keeps people still") for name in pained]
    weekly = ("total_sleep_hours", "stress_level", "alcohol_consumed")
    week = [Edge("weekday", name, "weekends are slept in, calmer, and drunk at") for name in weekly]
    direct = [Edge(trigger, "hazard_tomorrow", "the effect that is asked for") for trigger in TRIGGER_NODES]
    changes = [
        Edge("past_exposures", trigger.node, f"earlier days of {', '.join(trigger.exposures)} have a say in it")
        for trigger in TRIGGERS
        if trigger.is_of_the_past
    ]
    return (*changes, *read_off, *load, *habits, *persistent, *pain, *week, *direct, *_REST)


_REST = (
    Edge("past_exposures", "recent_migraines", "earlier triggers caused earlier attacks"),
    Edge("past_exposures", "migraine_today", "yesterday's triggers caused today's attack"),
    Edge("total_sleep_hours", "stress_level", "a short night makes a tense day"),
    Edge("total_sleep_hours", "awake_time_mins", "a night awake is not slept"),
    Edge("total_sleep_hours", "sleep_quality", "judged by the night's stages"),
    Edge("exposure_drift", "past_exposures", "a change of life lasts"),
    Edge("exposure_drift", "total_sleep_hours", "a change of life: less sleep"),
    Edge("exposure_drift", "stress_level", "a change of life: more stress"),
    Edge("person", "cycle_day", "not everybody has a cycle"),
    Edge("cycle_day", "recent_migraines", "days before menses load the state"),
    Edge("cycle_day", "migraine_today", "days before menses load the state"),
    Edge("person", "recent_migraines", "some have more attacks than others"),
    Edge("person", "migraine_today", "some have more attacks than others"),
    Edge("person", "hazard_tomorrow", "some have more attacks than others"),
    Edge("person", "wearable_signs", "own levels"),
    Edge("person", "diary_entry", "some fill the diary more faithfully"),
    Edge("person", "diary_entry_tomorrow", "some fill the diary more faithfully"),
    Edge("recent_migraines", "migraine_today", "attacks last, and cluster"),
    Edge("recent_migraines", "hazard_tomorrow", "attacks cluster over weeks"),
    Edge("recent_migraines", "total_sleep_hours", "pain yesterday reaches into the night"),
    Edge("migraine_today", "hazard_tomorrow", "refractory on the day after"),
    Edge("migraine_today", "acute_medication", "taken against it"),
    Edge("migraine_today", "diary_entry", "in pain the diary is left empty"),
    Edge(LOAD, "latent_load", "the state, but for what nothing recorded explains"),
    Edge("latent_noise", "latent_load", "what nothing recorded explains"),
    Edge("latent_load", "hazard_tomorrow", "w . Z"),
    Edge("hazard_drift", "hazard_tomorrow", "sensitivity or level changes, by a preventive for example"),
    Edge("hazard_tomorrow", "prodrome", "an attack's first signs, its effect and not its cause"),
    Edge("hazard_tomorrow", OUTCOME, "the draw"),
    Edge(OUTCOME, "diary_entry_tomorrow", "in pain the diary is left empty"),
)

EDGES = _edges()
"""The graph that figures are read by."""

DOUBTED = (
    Edge("latent_noise", "migraine_today", "noise of the latent state lasts for days, and raised today's hazard too"),
    Edge("hazard_drift", "migraine_today", "a changed hazard was changed yesterday already"),
    Edge(
        "exposure_drift",
        "hazard_drift",
        "a new job may change habits and the disease; here a person changes in one way",
    ),
)
"""Edges left out as weak."""

IF_DOUBTED = ("past_exposures", "cycle_day", "exposure_drift")
"""What would have to be held besides, if they were not."""


def graph(doubted: bool = False) -> nx.DiGraph:
    """The causal graph; edges carry their `reason`, nodes their `role`.

    Args:
        doubted: with the edges that are thought too weak to matter.
    """
    import networkx as nx

    out = nx.DiGraph()
    for name, role in ROLES.items():
        out.add_node(name, role=role)
    for edge in (*EDGES, *DOUBTED) if doubted else EDGES:
        out.add_edge(edge.cause, edge.effect, reason=edge.reason)
    return out


def graph_table() -> str:
    """Every edge with its reason, the doubted ones last, as a table in Markdown."""
    rows = [f"| {edge.cause} | {edge.effect} | {edge.reason} |" for edge in EDGES]
    rows += [f"| {edge.cause} | {edge.effect} | left out as weak: {edge.reason} |" for edge in DOUBTED]
    return "\n".join(["| cause | effect | why |", "|---|---|---|", *rows])


def closes_back_doors(trigger: str, adjusted: Iterable[str], doubted: bool = False) -> bool:
    """Whether what is left of the association of a trigger with tomorrow's onset is its direct effect.

    Args:
        trigger: one of TRIGGER_NODES; it may be among the adjusted and is passed over there.
        adjusted: what the estimate holds.
        doubted: judged with the doubted edges.

    Raises:
        CausalError: if a name is not of the graph, or the trigger is none.
    """
    import networkx as nx

    held = _held(trigger, adjusted)
    world = graph(doubted)
    if held & (nx.descendants(world, trigger) | {OUTCOME}):
        return False
    world.remove_edges_from(list(world.out_edges(trigger)))
    return bool(nx.is_d_separator(world, {trigger}, {OUTCOME}, held))


def needed(trigger: str, adjusted: Iterable[str] = ADJUSTED, doubted: bool = False) -> frozenset[str]:
    """Those of the adjusted without which, the others held, a back door opens.

    Raises:
        CausalError: as `closes_back_doors`; or if the back doors are open with all of them.
    """
    held = _held(trigger, adjusted)
    if not closes_back_doors(trigger, held, doubted):
        raise CausalError(f"{trigger}: back doors are open although {', '.join(sorted(held))} are held")
    return frozenset(name for name in held if not closes_back_doors(trigger, held - {name}, doubted))


def forbidden(trigger: str) -> frozenset[str]:
    """What follows from a trigger's exposures, which an estimate of the total effect must not hold.

    Raises:
        CausalError: if it is no trigger.
    """
    import networkx as nx

    _held(trigger, ())
    world = graph()
    reached = {name for exposure in EXPOSURES_OF[trigger] for name in nx.descendants(world, exposure)}
    return frozenset(reached - {trigger})


def meaning(trigger: str, adjusted: Iterable[str]) -> Meaning:
    """Which effect a trigger's figure means, given what the estimate holds.

    `direct`: back doors of the flag closed; foods do not load the state, so that of diet direct is total.
    `total`: nothing held that follows from the behaviour, and back doors of the behaviour closed. `neither`: a figure
    that should not be shown as an effect.

    Raises:
        CausalError: as `closes_back_doors`.
    """
    held = _held(trigger, adjusted)
    if closes_back_doors(trigger, held):
        return "direct"
    return "total" if not held & forbidden(trigger) and _behaviour_unconfounded(trigger, held) else "neither"


def is_offered(feature: str) -> bool:
    """Whether a feature may be offered to a person as a trigger; signs and effects of attacks never are.

    Args:
        feature: name of a node, of a day's column, or of a day's feature (`trigger.sleep.total_sleep_hours`).

    Raises:
        CausalError: if nothing has that name.
    """
    from migraine_platform.twin.data.features import COLUMNS, NAMES

    column = dict(zip(NAMES, COLUMNS, strict=True)).get(feature, feature)
    node = column if column in ROLES else _NODE_OF.get(column, column)
    if node not in ROLES:
        raise CausalError(f"{feature!r} is not in the causal graph; expected a node or a feature of a day")
    return ROLES[node] in (Role.EXPOSURE, Role.TRIGGER)


def _behaviour_unconfounded(trigger: str, held: frozenset[str]) -> bool:
    """Whether the back doors of the exposures themselves are closed."""
    import networkx as nx

    world, exposures = graph(), set(EXPOSURES_OF[trigger])
    for exposure in exposures:
        world.remove_edges_from(list(world.out_edges(exposure)))
    return bool(nx.is_d_separator(world, exposures, {OUTCOME}, held - exposures))


def _held(trigger: str, adjusted: Iterable[str]) -> frozenset[str]:
    """The adjusted but the trigger itself, every name known."""
    held = frozenset(adjusted)
    if trigger not in TRIGGER_NODES:
        raise CausalError(f"{trigger!r} is no trigger; expected one of {', '.join(TRIGGER_NODES)}")
    if unknown := sorted(held - ROLES.keys()):
        raise CausalError(f"{', '.join(unknown)}: not in the causal graph")
    return held - {trigger}
