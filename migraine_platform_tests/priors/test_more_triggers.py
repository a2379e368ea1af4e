"""Triggers that nobody thought of: rows of the workbook, and everything follows, with no line of code."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import polars as pl
import pytest
from openpyxl import load_workbook

from migraine_platform.config import load_settings
from migraine_platform.config.sheets.spreadsheet import holds_rows
from migraine_platform.config.sheets.triggers import COLUMNS as TRIGGER_COLUMNS
from migraine_platform.config.simulator.trigger_columns import READ_VALUES
from migraine_platform.priors.lived import MADE_ALREADY, TAKEN
from migraine_platform.priors.vocabulary import ITEM_COLUMNS, TRIGGER_FLAGS, TRIGGER_NAMES
from migraine_platform.priors.workbook.configured import configured_features
from migraine_platform.priors.workbook.row import COLUMNS as FEATURE_COLUMNS
from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator
from migraine_platform.simulator.cohort.parameter_fitting import fit_parameters
from migraine_platform.simulator.generative.profiles import first_patients
from migraine_platform.warehouse.tables.cohort import PatientDays
from migraine_platform.warehouse.tables.ingest import ONLY_REPORTED
from migraine_platform_tests.conftest import REPOSITORY, Finished, change, environment, make_project, migraine

SCREEN_TIME = {
    "category": "behaviour",
    "variable": "screen_time_hours",
    "description": "Hours at a screen",
    "unit": "h",
    "weight": 0.4,
    "typical_range": "0-14 h",
    "mean": 4,
    "sd": 2,
    "between_sd": 1.2,
    "within_sd": 1.6,
    "lag1": 0.2,
    "family": "gamma",
    "normalized_range": "1-10",
    "impact_pattern": "1 1 2 2 3 3 4 5 6 7",
    "latent_axis": "none",
    "source": "assumed",
}
LATE_DINNER = {
    **{field: SCREEN_TIME[field] for field in ("category", "weight", "normalized_range", "impact_pattern", "source")},
    "variable": "late_dinner",
    "description": "Dinner after nine",
    "unit": "yes/no",
    "typical_range": "0-1",
    "mean": 0.3,
    "family": "bernoulli",
    "latent_axis": "none",
}
FURTHER = ["bright_light", "strong_odour", "noise", "late_dinner", "ozone", "pm25"]
"""Lived without being triggers: a day then has nine of yes or no and nine numbers, more than a block of draws holds."""

SCREEN = {
    "name": "screen",
    "label": "Long hours at a screen",
    "reads": "screen_time_hours",
    "rule": "above",
    "threshold": 6,
    "unit": "h",
    "effect": 45,
    "reason": "the hours at a screen",
    "source": "a clinician",
}
MEAL = {"name": "meal", "label": "A skipped meal", "reads": "skipped_meal", "rule": "flag", "effect": "OR 1.7"}
COFFEE = {"name": "coffee", "label": "Coffee", "reads": "caffeine_consumed", "rule": "flag", "effect": 3}
EMPTY = {**MEAL, "name": "empty", "label": "An empty stomach", "effect": 2}
"""There whenever a meal was skipped: no diary can tell the two apart."""

MENSES = {
    "name": "menses",
    "label": "About menses",
    "reads": "cycle_day",
    "rule": "window",
    "threshold": "-2 to 3",
    "unit": "day",
    "effect": 30,
    "share": "60 %",
}
DRINK = {
    "name": "drink",
    "label": "A drink",
    "reads": "alcohol_consumed",
    "rule": "flag",
    "lag": 1,
    "effect": 5,
}
THIRST = {
    "name": "thirst",
    "label": "Less water",
    "reads": "water_consumed_liters",
    "rule": "below usual",
    "threshold": 0.5,
    "unit": "L",
    "lag": "0 to 1",
    "effect": 10,
    "axis": "env_load",
    "load": 0.2,
}
HEAT = {
    "name": "heat",
    "label": "Heat",
    "reads": "temperature",
    "rule": "above",
    "threshold": 20,
    "unit": "degC",
    "effect": 8,
}
GLARE = {
    "name": "glare",
    "label": "Bright days",
    "reads": "light_exposure",
    "rule": "above",
    "threshold": 1000,
    "unit": "lux",
    "effect": 15,
    "axis": "stress",
    "load": 0.3,
}
OWN = ("screen", "meal", "coffee", "menses", "empty", "drink", "thirst", "heat", "glare")
ROWS = (SCREEN, MEAL, COFFEE, MENSES, EMPTY, DRINK, THIRST, HEAT, GLARE)


def write_rows(workbook: Path, sheet: str, titles: dict[str, str], *rows: dict[str, Any]) -> None:
    """Add rows to a sheet of a workbook as a person would; a sheet that is not there is begun."""
    book = load_workbook(workbook)
    if sheet not in book.sheetnames:
        book.create_sheet(sheet).append(list(titles.values()))
    page = book[sheet]
    fields = {title: field for field, title in titles.items()}
    for row in rows:
        page.append([row.get(fields[str(cell.value)]) for cell in page[1]])
    book.save(workbook)


def with_own_triggers(project: Path, *rows: dict[str, Any]) -> Path:
    """The project with triggers of its own, and hours at a screen."""
    workbook = project / "data" / "migraine_prediction.xlsx"
    write_rows(workbook, "features", FEATURE_COLUMNS, SCREEN_TIME, LATE_DINNER)
    write_rows(workbook, "triggers", TRIGGER_COLUMNS, *rows)
    return project


def process(project: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Python code run by a process of its own, whose triggers are the project's."""
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, env=environment(project), cwd=REPOSITORY, capture_output=True, text=True, timeout=1800
    )


class Platform(NamedTuple):
    """A finished project with its warehouse open."""

    root: Path
    warehouse: duckdb.DuckDBPyConnection

    def column(self, sql: str) -> list[Any]:
        """The first column of a query's rows."""
        return [row[0] for row in self.warehouse.sql(sql).fetchall()]

    def columns(self, table: str) -> set[str]:
        """The columns of a table."""
        return set(self.warehouse.sql(f"SELECT * FROM {table} LIMIT 0").columns)


@pytest.fixture(scope="module")
def more(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """A whole platform with nine triggers more."""
    root = with_own_triggers(make_project(tmp_path_factory.mktemp("more") / "project"), *ROWS)
    change(root, "simulator.yaml", "diary", "further", to=FURTHER)
    done = migraine(root, "run")
    assert done.returncode == 0, done.stderr[-3000:]
    return Platform(root, duckdb.connect(root / "data" / "warehouse.duckdb", read_only=True))


@pytest.mark.slow
def test_every_table_of_days_and_patients_has_them(more: Platform) -> None:
    flags = {f"{name}_trigger" for name in OWN}
    assert flags | {"screen_time_hours", "skipped_meal"} <= more.columns("cohort.patient_days")
    assert flags | {"screen_time_hours", "skipped_meal"} <= more.columns("measured.patient_days")
    assert {"screen_time_hours", "skipped_meal"} <= more.columns("cohort.diary_days")
    assert {f"susceptibility_{name}" for name in OWN} <= more.columns("truth.patients")
    assert {f"{name}_trigger_share" for name in OWN} <= more.columns("marts.patient_profiles")


@pytest.mark.slow
def test_days_follow_the_rules(more: Platform) -> None:
    assert more.column(
        "SELECT bool_and(screen_trigger = (screen_time_hours >= 6) AND meal_trigger = skipped_meal"
        " AND coffee_trigger = caffeine_consumed AND heat_trigger = (temperature >= 20)"
        " AND glare_trigger = (light_exposure >= 1000)) FROM cohort.patient_days"
    ) == [True]
    by_patient = "OVER (PARTITION BY patient_id ORDER BY date)"
    about = f"cycle_day <= 3 OR lead(cycle_day) {by_patient} = 1 OR lead(cycle_day, 2) {by_patient} = 1"
    assert more.column(
        "SELECT bool_and(is_trigger = expected) FROM ("
        f"SELECT menses_trigger AS is_trigger, coalesce({about}, false) AS expected,"
        f" lead(date, 2) {by_patient} AS known FROM cohort.patient_days) WHERE known IS NOT NULL"
    ) == [True]
    assert more.column("SELECT avg(menses_trigger::INT) BETWEEN 0.05 AND 0.2 FROM cohort.patient_days") == [True]


@pytest.mark.slow
def test_triggers_that_act_later_follow_the_days_before(more: Platform) -> None:
    """What a person usually drinks goes back to before the first day: of it, that dry days are driest is left."""
    before = "lag({}) OVER (PARTITION BY patient_id ORDER BY date) AS yesterday"
    drink = f"SELECT drink_trigger, {before.format('alcohol_consumed')} FROM cohort.patient_days"
    assert more.column(f"SELECT bool_and(drink_trigger = yesterday) FROM ({drink}) WHERE yesterday IS NOT NULL") == [
        True
    ]
    water = f"SELECT thirst_trigger, water_consumed_liters, {before.format('water_consumed_liters')}"
    dry, other = more.column(
        f"SELECT avg(least(water_consumed_liters, yesterday)) FROM ({water} FROM cohort.patient_days)"
        " GROUP BY thirst_trigger ORDER BY thirst_trigger DESC"
    )
    assert dry < other - 0.3
    assert more.warehouse.sql(
        "SELECT lag_first, lag_last FROM priors.triggers WHERE trigger = 'thirst'"
    ).fetchall() == [(0, 1)]


@pytest.mark.slow
def test_nobody_knows_in_the_second_half_of_a_cycle_how_near_the_next_menses_are(more: Platform) -> None:
    assert more.column(
        "SELECT bool_and((menses_trigger IS NOT NULL) = (cycle_day IS NOT NULL AND cycle_day <= 14"
        " OR stress_level IS NOT NULL AND cycle_day IS NULL)) FROM measured.patient_days"
    ) == [True]
    assert more.column("SELECT count(*) > 20 FROM measured.patient_days WHERE menses_trigger") == [True]


@pytest.mark.slow
def test_some_people_have_no_susceptibility_to_what_only_a_share_has(more: Platform) -> None:
    assert more.column("SELECT avg((susceptibility_menses > 0)::INT) BETWEEN 0.4 AND 0.8 FROM truth.patients") == [True]
    assert more.column("SELECT min(susceptibility_screen) >= 0.1 FROM truth.patients") == [True]
    assert more.column("SELECT share_of_people FROM priors.triggers WHERE trigger = 'menses'") == [0.6]


@pytest.mark.slow
def test_changes_are_watched_of_the_strongest(more: Platform) -> None:
    """Six of the thirteen; the seven that could tell least are left out of the grid."""
    code = (
        "from migraine_platform.twin.drift.hazard_change import Grid, WATCHED\n"
        "from migraine_platform.twin.hazard.population import Personal\n"
        "from migraine_platform.simulator.generative.profiles import SusceptibilityPrior\n"
        "import numpy as np\n"
        "prior = SusceptibilityPrior.of_everybody(0.1, 1.0)\n"
        "strength = np.array([1.0, 5.0, 0.2, 2.0, 0.1, 3.0, 4.0, 6.0, 0.3, 0.1, 0.2, 0.4, 0.1])\n"
        "grid = Grid.of(Personal(np.linspace(-3, 1, 129), prior), 0.5, strength)\n"
        "print(WATCHED, *grid.watched, *np.round(grid.points.susceptibility.std(axis=0), 3))"
    )
    watched, *rest = process(more.root, code).stdout.split()
    assert watched == "6"
    assert rest[:6] == ["0", "1", "3", "5", "6", "7"]
    spread = str(round(0.9 / 12**0.5, 3))
    assert rest[6:] == [spread, spread, "0.0", spread, "0.0", spread, spread, spread, *["0.0"] * 5]


def came_and_forecast() -> dict[str, tuple[int, float, float, int]]:
    """Of a process of such a project: migraine days after bright days, after others, and after days unrecorded.

    By kind of day: how many came, how many the particle filter forecast, their standard error, and days. Bright days
    are made to move tomorrow's log-odds by 2.
    """
    settings = load_settings("tiny").simulator
    settings = settings.model_copy(update={"cohort": settings.cohort.model_copy(update={"patients": 150, "days": 60})})
    features = configured_features(load_settings("tiny").priors)
    strength = np.where(np.array(TRIGGER_NAMES) == "glare", 2.0, 0.3)
    simulator = CohortSimulator(settings, features, replace(fit_parameters(settings, features), beta=strength))
    lived = simulator.trajectories(first_patients(settings, 150))
    forecast, migraine = simulator.filtered(lived, 64).forecast, lived.days.flag("has_migraine")
    bright, device = lived.days.flag("glare_trigger"), lived.recorded.device
    told = {}
    for name, before in (("bright", bright & device), ("other", ~bright & device), ("unrecorded", ~device)):
        chosen = np.zeros_like(migraine)
        chosen[:, 1:] = before[:, :-1]
        p = forecast[chosen]
        told[name] = (int(migraine[chosen].sum()), float(p.sum()), float(np.sqrt((p * (1 - p)).sum())), len(p))
    return told


@pytest.mark.slow
def test_the_particle_filter_reads_what_a_device_records_and_draws_what_it_did_not(more: Platform) -> None:
    """Its forecasts stay calibrated on the days after; four standard errors and the filter's own noise."""
    done = process(more.root, f"from {__name__} import came_and_forecast; print(came_and_forecast())")
    assert done.returncode == 0, done.stderr
    told = ast.literal_eval(done.stdout)
    for came, forecast, error, days in told.values():
        assert days > 400
        assert abs(came - forecast) < 4 * error + 0.01 * days, told


@pytest.mark.slow
def test_the_causal_graph_knows_what_loads_the_state_and_what_pain_does_to_the_device(more: Platform) -> None:
    """Back doors stay closed; without today's migraine, which keeps people in the dark, those of bright days open."""
    code = (
        "from migraine_platform.twin.triggers.causal import ADJUSTED, EDGES, TRIGGER_NODES, closes_back_doors\n"
        "edges = {(edge.cause, edge.effect) for edge in EDGES}\n"
        "print(('light_exposure', 'expected_load') in edges, ('migraine_today', 'light_exposure') in edges)\n"
        "print(all(closes_back_doors(name, ADJUSTED) for name in TRIGGER_NODES))\n"
        "print(closes_back_doors('trigger_glare', set(ADJUSTED) - {'migraine_today'}))"
    )
    done = process(more.root, code)
    assert done.stdout.split() == ["True", "True", "True", "False"], done.stderr


@pytest.mark.slow
def test_a_trigger_of_the_device_is_known_where_it_was_worn(more: Platform) -> None:
    known = "(glare_trigger IS NULL) = (light_exposure IS NULL)"
    assert more.column(f"SELECT bool_and({known}) FROM measured.patient_days") == [True]
    assert more.column("SELECT count(*) > 20 FROM measured.patient_days WHERE glare_trigger") == [True]


@pytest.mark.slow
def test_the_feature_follows_the_workbooks_row(more: Platform) -> None:
    mean, spread = more.warehouse.sql(
        "SELECT avg(screen_time_hours), stddev(screen_time_hours) FROM cohort.patient_days"
    ).fetchall()[0]
    assert mean == pytest.approx(4, abs=0.5)
    assert spread == pytest.approx(2, abs=0.5)
    (share,) = more.column("SELECT avg(skipped_meal::INT) FROM cohort.patient_days")
    assert share == pytest.approx(0.15, abs=0.04)


@pytest.mark.slow
def test_features_beyond_a_block_of_draws_follow_their_rows_and_are_draws_of_their_own(more: Platform) -> None:
    """2,400 days of 60 people; correlations within 0.15 of none, which those of people's own levels allow."""
    days = more.warehouse.sql("SELECT * FROM cohort.patient_days").pl()
    assert set(FURTHER) <= set(days.columns)
    assert days["late_dinner"].mean() == pytest.approx(0.3, abs=0.06)
    assert days["noise"].mean() == pytest.approx(0.2, abs=0.05)
    assert days["ozone"].mean() == pytest.approx(40, abs=4)
    assert days["pm25"].mean() == pytest.approx(7.3, abs=1)
    for other in ("total_sleep_hours", "stress_level", "water_consumed_liters", "pm25"):
        assert abs(days.select(pl.corr("ozone", other)).item()) < 0.15, other
    for other in ("alcohol_consumed", "skipped_meal", "noise"):
        assert abs(days.select(pl.corr(pl.col("late_dinner").cast(float), pl.col(other).cast(float))).item()) < 0.15


@pytest.mark.slow
def test_the_diary_has_gaps_where_nobody_wrote(more: Platform) -> None:
    assert more.column(
        "SELECT bool_and((screen_time_hours IS NULL) = (stress_level IS NULL)"
        " AND (meal_trigger IS NULL) = (stress_level IS NULL)) FROM measured.patient_days"
    ) == [True]
    assert more.column("SELECT count(*) > 100 FROM measured.patient_days WHERE screen_trigger IS NULL") == [True]


@pytest.mark.slow
def test_nothing_else_changed(more: Platform, finished: Finished) -> None:
    """Weather, diet and cycle of every day are the same bits as without them; so are the other susceptibilities."""
    kept = "patient_id, date, pressure, temperature, alcohol_consumed, caffeine_consumed, cycle_day, weather_trigger"
    own = "susceptibility_weather, susceptibility_sleep, susceptibility_stress, susceptibility_diet"
    for sql in (
        f"SELECT {kept} FROM cohort.patient_days ORDER BY patient_id, date",
        f"SELECT patient_id, {own} FROM truth.patients ORDER BY patient_id",
    ):
        with duckdb.connect(finished.root / "data" / "warehouse.duckdb", read_only=True) as without:
            assert more.warehouse.sql(sql).fetchall() == without.sql(sql).fetchall()


@pytest.mark.slow
def test_the_rows_are_told_as_they_were_written(more: Platform) -> None:
    found = more.warehouse.sql("SELECT trigger, words, unit, effect, source FROM priors.triggers").fetchall()
    told = {trigger: rest for trigger, *rest in found}
    assert set(told) == {*TRIGGER_NAMES, *OWN}
    assert told["screen"] == ["6 h or more", "h", 0.45, "a clinician"]
    assert told["drink"][0] == "yes the day before"
    loads = dict(more.warehouse.sql("SELECT trigger, (latent_axis, load) FROM priors.triggers").fetchall())
    assert loads.pop("thirst") == ("env_load", 0.2)
    assert loads.pop("glare") == ("stress", 0.3)
    assert set(loads.values()) == {("none", 0.0)}
    assert told["thirst"][0] == "0.5 L or more below the person's usual on that day or the day before"
    odds = 1.7 * 0.2 / 0.8
    assert told["meal"][:3] == ["yes", "yes/no", pytest.approx(odds / (1 + odds) - 0.2, abs=1e-4)]


@pytest.mark.slow
def test_twins_reason_with_them(more: Platform) -> None:
    factors = set(more.column("SELECT DISTINCT factor FROM twin.contributions"))
    assert {f"trigger: {name}" for name in OWN} <= factors
    assert set(more.column("SELECT DISTINCT trigger FROM twin.trigger_sensitivity")) == {*TRIGGER_NAMES, *OWN}
    assert {"screen and meal", "diet and coffee"} <= set(
        more.column("SELECT DISTINCT pair FROM twin.trigger_interactions")
    )
    exposures = more.column("SELECT DISTINCT exposure FROM twin.trigger_thresholds")
    assert "Long hours at a screen" in exposures
    assert "Less water, below usual" in exposures
    assert not {"A skipped meal", "Coffee", "A drink"} & set(exposures)


@pytest.mark.slow
def test_two_that_no_diary_can_tell_apart_are_reported_as_the_pair(more: Platform) -> None:
    """Two others come together by chance in few persons, if they had few days with either."""
    told = "SELECT count(*) FILTER (trigger = 'meal' AND other = 'empty'), count(*) FROM twin.alike_triggers"
    ((pairs, all_pairs),) = more.warehouse.sql(told).fetchall()
    assert pairs > 30
    assert all_pairs - pairs < 6
    (patient,) = more.column("SELECT min(patient_id) FROM twin.alike_triggers WHERE other = 'empty'")
    assert "meal and empty were there on the same days" in migraine(more.root, "twin", "show", patient).stdout


@pytest.mark.slow
def test_twins_find_that_the_strongest_matters_most(more: Platform) -> None:
    """Its effect is 45 points, that of others at most 17.5; their estimates are of 60 patients' 40 days."""
    strengths = more.column("SELECT value FROM twin.population WHERE parameter = 'effects.trigger' ORDER BY place")
    assert len(strengths) == len(TRIGGER_NAMES) + len(OWN)
    assert max(strengths) == strengths[len(TRIGGER_NAMES)]


@pytest.mark.slow
def test_their_recovery_is_evaluated(more: Platform) -> None:
    found = dict(
        more.warehouse.sql("SELECT trigger, value FROM evaluation.trigger_recovery WHERE metric = 'auc'").fetchall()
    )
    assert {*TRIGGER_NAMES, *OWN, "all"} == set(found)
    assert found["screen"] > 0.5


@pytest.mark.slow
def test_commands_and_pages_show_them(more: Platform) -> None:
    shown = migraine(more.root, "triggers")
    assert all(name in shown.stdout for name in OWN)
    told = migraine(more.root, "report", "P0001")
    assert told.returncode == 0, told.stderr
    page = (more.root / "data" / "reports" / "P0001.html").read_text()
    assert "Long hours at a screen" in page
    assert re.search(r"A drink: [^.]* odds of an attack 2 days after by", page)
    assert re.search(r"Less water: [^.]* odds of an attack 1 to 2 days after by", page)
    shown = migraine(more.root, "twin", "show", "P0001").stdout
    assert "; acts 2 days after" in shown
    assert "A skipped meal" in page


@pytest.mark.slow
def test_a_change_may_be_one_of_each_and_the_next_night_reads_it_back(more: Platform, tmp_path: Path) -> None:
    """Ways of a change are probabilities that add up; a night takes up those of the changes that were noticed."""
    ways = ["way_level", *(f"way_{name}" for name in (*TRIGGER_NAMES, *OWN))]
    noticed = more.warehouse.sql(f"SELECT {', '.join(ways)} FROM twin.drift").fetchall()
    assert len(noticed) > 0
    assert all(sum(row) == pytest.approx(1) for row in noticed)
    copy = Path(shutil.copytree(more.root, tmp_path / "copy"))
    tomorrow = (date.today() + timedelta(days=1)).isoformat()
    done = migraine(copy, "night", "--ahead", "--date", tomorrow)
    assert done.returncode == 0, done.stderr[-3000:]
    with duckdb.connect(copy / "data" / "warehouse.duckdb", read_only=True) as after:
        days = "SELECT count(DISTINCT date) FROM measured.patient_days"
        assert after.sql(days).fetchall()[0][0] == more.column(days)[0] + 1


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "a column that does not exist": (
        {**SCREEN, "reads": "screen_time"},
        'column "Reads": screen_time is no feature of the workbook; expected a row of its sheet `features`',
    ),
    "a threshold out of the range": (
        {**SCREEN, "threshold": 60},
        'column "Threshold": 60; expected a value in the range of screen_time_hours, 0 to 14 h',
    ),
    "another unit": ({**SCREEN, "unit": "min"}, 'column "Unit": min; expected h, the unit of screen_time_hours'),
    "a sign of an attack": ({**MEAL, "reads": "yawning"}, "yawning announces an attack and is no cause of one"),
    "another column's name": ({**MEAL, "reads": "onset"}, "onset is the name of another column of a day"),
    "a name of triggers' columns": ({**MEAL, "reads": "meal_trigger"}, "meal_trigger is the name of another column"),
    "what follows from another": ({**MEAL, "reads": "stress_let_down"}, "stress_let_down follows from stress_level"),
    "what a device records, in another unit": ({**SCREEN, "reads": "steps"}, 'column "Unit": h; expected steps, the'),
    "a number that is no flag": ({**MEAL, "reads": "screen_time_hours"}, "meal: rule is `flag`, but it is read from"),
    "a name that stands already": ({**SCREEN, "name": "sleep"}, '"sleep" stands in configs/simulator.yaml already'),
    "a share for points": ({**SCREEN, "effect": 0.45}, 'column "Effect": "0.45" cannot be read; expected "17.5"'),
    "a lag in words": (
        {**SCREEN, "lag": "tomorrow"},
        'column "Lag": "tomorrow" cannot be read; expected "1" for the day before, or "0 to 2"',
    ),
    "a load in words": (
        {**SCREEN, "axis": "stress", "load": "much"},
        'column "Load": "much" cannot be read; expected "0.2", above 0 and at most 1',
    ),
    "a load of nothing": ({**SCREEN, "load": 0.2}, "screen: a load without a latent axis; expected both or neither"),
    "an axis without a load": ({**SCREEN, "axis": "stress"}, "screen: a latent axis without a load; expected both"),
    "an axis that nobody knows": ({**SCREEN, "axis": "mood", "load": 0.2}, "'mood': expected 'stress', 'sleep_debt'"),
    "a load of some people": (
        {**SCREEN, "axis": "stress", "load": 0.2, "share": 40},
        "screen: loads stress in 40% of people; expected everybody, as an axis is",
    ),
    "a lag of a fortnight": ({**SCREEN, "lag": 14}, "screen.lag: 14: expected whole days from 0 to 7"),
    "lags the wrong way round": ({**SCREEN, "lag": "3 to 1"}, "expected whole days from 0 to 7, one or two, the lower"),
    "days of a cycle that there are not": (
        {**MENSES, "threshold": "-2 to 20"},
        "`window` is [-2.0, 20.0]; expected whole days from -13 to 13, none of them 0",
    ),
    "menses of a screen": ({**SCREEN, "rule": "window", "threshold": "-2 to 3"}, "rule is `window`, but it is read"),
    "a threshold in words": ({**SCREEN, "threshold": "much"}, 'column "Threshold": "much" cannot be read'),
    "a share for per cent": (
        {**SCREEN, "share": 0.38},
        'column "Share of people": "0.38" cannot be read; expected "38" or "38 %", per cent of people, from 1 to 100',
    ),
    "a rise of the cycle": (
        {**MENSES, "rule": "rise", "threshold": 2},
        "menses: rule is `rise`, but cycle_day rises every day; expected `below`, `above`, `outside` or `window`",
    ),
    "another unit of a column of every day": (
        {**MENSES, "unit": "h"},
        'column "Unit": h; expected day, the unit of cycle_day',
    ),
    "no label": ({**SCREEN, "label": None}, 'column "Label": it is empty'),
    "a rule nobody knows": ({**SCREEN, "rule": "beyond"}, "'beyond': expected 'below', 'above'"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_row_is_one_sentence_with_sheet_row_and_column(project: Path, name: str) -> None:
    row, message = BAD[name]
    with_own_triggers(project, row)
    done = begun(project)
    assert done.returncode == 1
    assert message in done.stderr
    assert "data/migraine_prediction.xlsx, sheet triggers, row 2" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_trigger_twice_is_named_with_its_row(project: Path) -> None:
    with_own_triggers(project, SCREEN, MEAL, {**SCREEN, "label": "Again"})
    assert 'sheet triggers, row 4, column "Name": "screen" stands above already' in begun(project).stderr


def test_no_feature_may_be_called_as_another_column_of_a_day() -> None:
    days = {column.name for column in (*PatientDays.columns, *ONLY_REPORTED)}
    free = {"pm25", "ozone", "phonophobia"}  # of the workbook; two of them a day may have, one announces an attack
    own = {*READ_VALUES, *ITEM_COLUMNS, *TRIGGER_FLAGS}
    assert days - own - free <= TAKEN | MADE_ALREADY


def test_a_sheet_is_found_by_its_name_in_any_case_and_a_threshold_of_nothing_counts(project: Path) -> None:
    """Falls of pressure of any size; the sheet is called as a person would call it."""
    row = {**SCREEN, "reads": "pressure_change_24h", "rule": "below", "threshold": 0, "unit": "hPa"}
    with_own_triggers(project, row)
    workbook = project / "data" / "migraine_prediction.xlsx"
    book = load_workbook(workbook)
    book["triggers"].title = "own"
    book["own"].title = "Triggers"
    book.save(workbook)
    assert load_settings("tiny", project).simulator.triggers["screen"].threshold == 0


def test_each_title_says_what_its_own_column_takes(shared_project: Path) -> None:
    """By what an example of the column looks like in its comment; a column that is put between moves no comment."""
    header = load_workbook(shared_project / "data" / "migraine_prediction.xlsx")["triggers"][1]
    told = {str(cell.value): cell.comment.text if cell.comment else "" for cell in header}
    assert list(told) == list(TRIGGER_COLUMNS.values())
    examples = {
        "Name": "underscores", "Label": "Long hours", "Reads": "a variable", "Rule": "outside", "Threshold": "5 to 9",
        "Unit": "unit", "Lag": "0 to 2", "Effect": "OR 1.7", "Share of people": "38", "Latent axis": "env_load",
        "Load": "0.2", "Reason": "in a sentence", "Source": "come from",
    }  # fmt: skip
    assert {title: example in told[title] for title, example in examples.items()} == dict.fromkeys(told, True)


def test_titles_alone_are_no_trigger_and_cost_no_reading(shared_project: Path) -> None:
    workbook = shared_project / "data" / "migraine_prediction.xlsx"
    assert "triggers" in load_workbook(workbook).sheetnames
    assert not holds_rows(workbook, "triggers")
    assert holds_rows(workbook, "features")
    assert tuple(load_settings("tiny", shared_project).simulator.triggers) == TRIGGER_NAMES


def begun(project: Path) -> subprocess.CompletedProcess[str]:
    """What a command that asks what is called how says of a project."""
    code = (
        "from migraine_platform.cli.common import plain_errors\n"
        "@plain_errors\n"
        "def ask():\n"
        "    from migraine_platform.priors.vocabulary import TRIGGER_NAMES\n"
        "    print(*TRIGGER_NAMES)\n"
        "ask()"
    )
    return process(project, code)


@pytest.mark.parametrize("count", [0, 40])
def test_none_and_forty_are_names_like_others(project: Path, count: int) -> None:
    rows = [{**SCREEN, "name": f"own_{k}", "label": f"Own {k}"} for k in range(count)]
    with_own_triggers(project, *rows)
    assert begun(project).stdout.split() == [*TRIGGER_NAMES, *(row["name"] for row in rows)]
