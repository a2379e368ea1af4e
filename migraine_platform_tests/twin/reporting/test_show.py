from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from migraine_platform.defs.context import partitions_of
from migraine_platform.twin.data.recorded_state import RecordedStateError, recorded_state
from migraine_platform.twin.reporting.show import ShowError, show
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.lake.lake import Lake
from migraine_platform.warehouse.lake.places import Places
from migraine_platform.warehouse.publish import publish
from migraine_platform.warehouse.query import QueryError
from migraine_platform_tests.warehouse.test_publish import fill, seal


@pytest.fixture(scope="module")
def places(tmp_path_factory, settings, simulator, features, calibration, stamp) -> Places:
    """A published warehouse with a fitted twin, P0001, a refused one, P0026, and a prior, P0051."""
    root: Path = tmp_path_factory.mktemp("shown")
    dated = replace(stamp, last_date=settings.simulator.cohort.last_date)
    places, lake = Places(root, str(root / "lake")), Lake(str(root / "lake"))
    batches = settings.simulator.cohort.batch_names
    fill(lake, settings, simulator, features, calibration, dated)
    refused = {"status": "refused", "reason": "2 days are there more than once", "twin_version": "0" * 12}
    nobody = "no day is there: the twin is the population's prior"
    prior = {"status": "prior", "reason": nobody, "entries": 0, "silent_evenings": 23}
    unknown = ["adherence", "validation_log_loss", "climatology_log_loss"]
    nothing = [pl.lit(None, dtype=pl.Float64).alias(name) for name in unknown]
    for batch, changes, nulls in ((batches[1], refused, []), (batches[2], prior, nothing)):
        row = lake.read(tables.Twins, [batch])
        values = [pl.lit(value, dtype=row.schema[name]).alias(name) for name, value in changes.items()]
        lake.write(tables.Twins, batch, row.with_columns(*values, *nulls), dated)
        seal(lake, tables.Twins, batch)
    publish(lake, {table: partitions_of(table, batches) for table in tables.ALL}, places.warehouse, dated)
    return places


def test_a_fitted_twin_is_told_in_words(places, settings) -> None:
    last = settings.simulator.cohort.last_date
    assert show(places, "P0001").splitlines() == [
        f"P0001, evening of {last}; twin 0123456789ab",
        "  30 diary entries, on 80 % of days without migraine",
        "  last 10 recorded days, each forecast the evening before: log loss 0.500; "
        "by the usual share of migraine days 0.600",
        "  tomorrow's state by the experts model (twin.states_ahead); forecasts of states are of use for 2 days ahead",
        "",
        "Migraine on 2024-02-10: 30 % (90 % interval 20-40 %, confidence 0.80)",
        "  next attack: as likely as not within 3 days; 80 % within a week",
        "  day by day: Sat 30 %",
        "  what makes it so (log-odds; they add up):",
        "    +0.50  trigger: sleep   (today 4.5 h)",
        "    +0.00  the rest",
        "",
        "Triggers (what each adds to the log-odds of an attack the day after, directly; 90 % interval):",
        "    sleep  0.50  (0.20 to 0.90)   strong: 50 %; learned so far: 10 %",
        "    sleep and diet were there on the same days: which matters cannot be told, together 0.50 (0.20 to 0.90)",
        "    time asleep, too short: from about 0.5 h on (0.2 to 0.9)",
        "",
        "Attacks:",
        "    aura                   30 % of attacks, typically 0.5 h (the next one 0.2-1.0 h)",
        "    at weekends +0.10 (sd 0.20) in log-odds, against workdays",
        "    announced by prodrome on the same day, 2.0 h before",
    ]


def test_a_patient_without_a_twin_is_told_why(places) -> None:
    assert show(places, "P0026") == "P0026: no twin. 2 days are there more than once"


def test_a_prior_says_that_it_is_one(places) -> None:
    lines = show(places, "P0051").splitlines()
    assert lines[1] == "  0 diary entries; a short history: mostly the population's; none for 23 evenings"
    assert lines[2] == "  note: no day is there: the twin is the population's prior"
    assert not any("log loss" in line for line in lines)
    assert not any("None" in line or "nan" in line for line in lines)


def test_an_unknown_patient_is_one_sentence(places) -> None:
    with pytest.raises(ShowError, match=r'^patient "P9999" has no twin in the warehouse, which has 3 twins$'):
        show(places, "P9999")


@pytest.mark.parametrize(
    "name", ["", "1", "p0001", "P001", "P0001\n", "P0001' OR '1'='1", "P0001; DROP TABLE twin.twins"]
)
def test_a_malformed_name_is_one_sentence_and_never_a_query(places, name: str) -> None:
    with pytest.raises(ShowError) as error:
        show(places, name)
    assert str(error.value) == f'patient "{name}"; expected a name as in P0001'


def test_an_unpublished_warehouse_is_an_error(tmp_path) -> None:
    with pytest.raises(QueryError, match="nothing is published yet"):
        show(Places(tmp_path, "nowhere"), "P0001")


def test_the_last_evening_s_state_is_shown_and_a_day_that_is_not_there_is_one_sentence(places, settings) -> None:
    last = settings.simulator.cohort.last_date
    found = recorded_state(places, "P0001")
    assert found.temporal.timestamp.date() == last
    assert "environmental.weather.pressure" in found.numbers()
    assert recorded_state(places, "P0001", last) == found
    with pytest.raises(RecordedStateError, match="2031-01-01 is not among the days of P0001; expected"):
        recorded_state(places, "P0001", date(2031, 1, 1))
    with pytest.raises(RecordedStateError, match='patient "P9999" has no day in the warehouse'):
        recorded_state(places, "P9999")
    with pytest.raises(RecordedStateError, match="expected a name as in P0001"):
        recorded_state(places, "' OR 1=1")
