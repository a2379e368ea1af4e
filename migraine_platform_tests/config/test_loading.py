from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import migraine_platform
from migraine_platform.config import (
    ConfigError,
    code_version,
    hashing,
    load_settings,
    loading,
    population_hash,
    preset_names,
    resized,
)
from migraine_platform.config.simulator.triggers import TriggerRule
from migraine_platform.warehouse import tables
from migraine_platform_tests.conftest import change

PRESETS = {"demo": (200, 90), "default": (1000, 180), "large": (10_000, 365)}


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_have_the_specified_size(preset: str) -> None:
    cohort = load_settings(preset).simulator.cohort
    assert (cohort.patients, cohort.days) == PRESETS[preset]


def test_every_preset_is_valid() -> None:
    assert {load_settings(name).preset for name in preset_names()} >= set(PRESETS)


def test_preset_is_chosen_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIGRAINE_PRESET", "large")
    assert load_settings().preset == "large"
    assert load_settings("demo").preset == "demo"


def test_an_unknown_preset_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match='preset "huge" does not exist; expected one of: default, demo, gpu, large'):
        load_settings("huge")


@pytest.mark.parametrize(
    ("name", "keys", "value", "message"),
    [
        ("simulator.yaml", ("cohort", "patient"), 5, 'simulator.cohort.patient: unknown key; did you mean "patients"?'),
        (
            "simulator.yaml",
            ("population", "chronic_share"),
            1.2,
            "simulator.population.chronic_share: 1.2: expected less than or equal to 1",
        ),
        (
            "simulator.yaml",
            ("population", "age"),
            [65, 18],
            "the range is reversed: [65.0, 18.0]; expected [low, high]",
        ),
        ("simulator.yaml", ("population", "susceptibility"), [0.5, 2], "simulator.population.susceptibility"),
        (
            "simulator.yaml",
            ("population", "chronic_frequency"),
            [15, 31],
            "chronic_frequency is [15.0, 31.0]; expected days a month",
        ),
        ("simulator.yaml", ("exogenous", "correlation"), [[1, 2], [2, 1]], "correlation must be 6 x 6"),
        ("simulator.yaml", ("triggers", "sleep", "threshold"), [9, 9], "threshold is [9.0, 9.0]; expected the lower"),
        ("simulator.yaml", ("attacks", "onset_weight_by_hour"), [1, 2], "simulator.attacks.onset_weight_by_hour"),
        (
            "simulator.yaml",
            ("attacks", "duration_median"),
            100,
            "duration_median is 100.0; expected inside [4.0, 72.0] h",
        ),
        (
            "priors.yaml",
            ("mock", "samples"),
            "many",
            "priors.yaml, priors.mock.samples: 'many': expected a valid integer",
        ),
        ("priors.yaml", ("workbook",), "data/none.xlsx", "priors.yaml, priors.workbook"),
        ("platform.yaml", ("time_zone",), "Mars/Olympus", "expected a time zone of the IANA database"),
        ("simulator.yaml", ("population", "chronic_share"), True, "True: expected a valid number"),
        ("simulator.yaml", ("cohort", "seed"), "42", "'42': expected a valid integer"),
        ("simulator.yaml", ("cohort", "start_date"), "soon", "simulator.cohort.start_date: 'soon'"),
        ("simulator.yaml", ("cohort", "start_date"), "9999-12-31", "simulator.cohort.start_date"),
        ("simulator.yaml", ("exogenous", "features"), ["stress_level"], "features must be, in any order: total_sleep"),
        ("simulator.yaml", ("attacks", "duration"), [1, 72], "duration is [1.0, 72.0]; expected hours within 4 to 72"),
        ("simulator.yaml", ("attacks", "shortest_treated"), 5, "shortest_treated is 5 h; expected at most 4 h"),
        ("simulator.yaml", ("attacks", "aura_minutes"), [-60, 5], "aura_minutes is [-60.0, 5.0]"),
        ("simulator.yaml", ("attacks", "severity"), [3, 20], "severity is [3.0, 20.0]; expected points within 0 to 10"),
        (
            "simulator.yaml",
            ("attacks", "severity_with"),
            {"duration": 0.8, "treatment": 0.6},
            "duration is 0.8 and treatment 0.6; expected squares that add up to less than 1",
        ),
        ("simulator.yaml", ("measurement", "diary_streaks"), 1, "simulator.measurement.diary_streaks: 1"),
        ("simulator.yaml", ("measurement", "diary_stop"), 1, "simulator.measurement.diary_stop: 1"),
        ("simulator.yaml", ("measurement", "device_gap_odds"), 0, "simulator.measurement.device_gap_odds: 0"),
        ("simulator.yaml", ("population", "age"), [10, 18], "age is [10.0, 18.0]; expected adults"),
        ("simulator.yaml", ("population", "chronic_frequency"), [1, 2], "expected below and from 15 days a month"),
        ("simulator.yaml", ("weather", "humidity_range"), [-20, 200], "humidity_range is [-20.0, 200.0]"),
        ("simulator.yaml", ("measurement", "diary_adherence"), [0.5, 1.2], "simulator.measurement.diary_adherence"),
        ("presets/tiny.yaml", ("preset",), "demo", "preset: unknown key; a preset is named by its file"),
        ("platform.yaml", ("owner",), "a@b", "platform.owner"),
        ("platform.yaml", ("nightly_cron",), "99 3 * * *", '"99" is no minute of a cron schedule; expected 0 to 59'),
        ("platform.yaml", ("nightly_cron",), "*/0 * * * *", '"*/0" is no minute of a cron schedule'),
        ("platform.yaml", ("nightly_cron",), "0 0 31 2 *", "month 2 has no day 31"),
        ("platform.yaml", ("nightly_cron",), "at night", "platform.yaml, platform.nightly_cron"),
        (
            "presets/tiny.yaml",
            ("simulator", "cohort", "patients"),
            0,
            "tiny.yaml, simulator.cohort.patients: 0: expected greater than or equal to 1",
        ),
    ],
)
def test_a_bad_value_names_file_key_and_reason(
    project: Path, name: str, keys: tuple[str, ...], value: object, message: str
) -> None:
    change(project, name, *keys, to=value)
    with pytest.raises(ConfigError) as error:
        load_settings("tiny", project)
    assert message in str(error.value)
    assert f"configs/{name}, " in str(error.value)


def test_all_errors_are_told_at_once(project: Path) -> None:
    change(project, "simulator.yaml", "population", "aura_share", to=-1)
    change(project, "priors.yaml", "mock", "samples", to=3)
    with pytest.raises(ConfigError) as error:
        load_settings("tiny", project)
    assert "aura_share" in str(error.value)
    assert "priors.mock.samples" in str(error.value)


def test_a_correlation_that_no_features_can_have_is_refused(project: Path) -> None:
    impossible = [[1.0 if i == j else -0.9 for j in range(6)] for i in range(6)]
    change(project, "simulator.yaml", "exogenous", "correlation", to=impossible)
    with pytest.raises(ConfigError, match="not positive definite"):
        load_settings("tiny", project)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"start: 2024-13-45", b"a: &a [*a]", b"[" * 3000])
def test_a_file_that_is_no_yaml_is_named(project: Path, content: bytes) -> None:
    (project / "configs" / "platform.yaml").write_bytes(content)
    with pytest.raises(ConfigError, match=r"platform\.yaml"):
        load_settings("tiny", project)


def test_a_folder_in_place_of_a_file_is_named(project: Path) -> None:
    (project / "configs" / "priors.yaml").unlink()
    (project / "configs" / "priors.yaml").mkdir()
    with pytest.raises(ConfigError, match=r"priors\.yaml: cannot be read"):
        load_settings("tiny", project)


@pytest.mark.parametrize("value", [None, 5, "x"])
def test_a_section_that_is_no_mapping_is_named(project: Path, monkeypatch: pytest.MonkeyPatch, value: object) -> None:
    monkeypatch.setenv("MIGRAINE_DATA", str(project))
    change(project, "presets/tiny.yaml", "platform", to=value)
    with pytest.raises(ConfigError, match=r"presets/tiny\.yaml, platform: "):
        load_settings("tiny", project)


def test_another_size_is_validated_too(settings) -> None:
    assert resized(settings, patients=7).simulator.cohort.patients == 7
    with pytest.raises(ConfigError, match="days: 3000000"):
        resized(settings, days=3_000_000)


def test_a_relative_lake_starts_at_the_projects_root(project: Path) -> None:
    change(project, "platform.yaml", "lake_url", to="elsewhere/lake")
    assert load_settings("tiny", project).platform.lake_url == str(project / "elsewhere" / "lake")
    change(project, "platform.yaml", "lake_url", to="s3://bucket/lake")
    assert load_settings("tiny", project).platform.lake_url == "s3://bucket/lake"


@pytest.mark.parametrize("cron", ["30 3 * * *", "*/5 0-6 1,15 * 1-5", "0 0 1 1 0"])
def test_usual_cron_schedules_are_understood(project: Path, cron: str) -> None:
    change(project, "platform.yaml", "nightly_cron", to=cron)
    assert load_settings("tiny", project).platform.nightly_cron == cron


def test_a_key_that_stands_twice_is_refused(project: Path) -> None:
    path = project / "configs" / "priors.yaml"
    path.write_text(path.read_text() + "\nworkbook: data/other.xlsx\n")
    with pytest.raises(ConfigError, match=r'priors\.yaml: not valid YAML: the key "workbook" stands twice'):
        load_settings("tiny", project)


@pytest.mark.parametrize("content", ["cohort: [1", "- a list", "cohort: {patients: 5"])
def test_a_file_that_is_no_mapping_is_named(project: Path, content: str) -> None:
    (project / "configs" / "simulator.yaml").write_text(content)
    with pytest.raises(ConfigError, match=r"simulator\.yaml: "):
        load_settings("tiny", project)


def test_a_missing_file_is_named(project: Path) -> None:
    (project / "configs" / "priors.yaml").unlink()
    with pytest.raises(ConfigError, match=r"priors\.yaml: the file is missing"):
        load_settings("tiny", project)


def test_the_population_hash_ignores_the_horizon_and_nothing_else(project: Path) -> None:
    def hashed() -> str:
        return population_hash(load_settings("tiny", project), [{"variable": "x"}])

    original = hashed()
    change(project, "presets/tiny.yaml", "simulator", "cohort", "days", to=41)
    assert hashed() == original
    change(project, "presets/tiny.yaml", "simulator", "cohort", "patients", to=61)
    assert hashed() != original
    change(project, "presets/tiny.yaml", "simulator", "cohort", "patients", to=60)
    assert hashed() == original
    station = project / "data" / "stations" / "new_york_2013.csv"
    station.write_text(station.read_text().replace("2.81", "2.82", 1))
    assert hashed() != original


def test_the_population_hash_follows_the_features_and_not_the_projects_place(settings, shared_project, project) -> None:
    elsewhere = load_settings("tiny", project)
    rows = [{"variable": "x", "mean": 1.0}]
    assert population_hash(settings, rows) == population_hash(elsewhere, rows)
    assert population_hash(settings, rows) != population_hash(settings, [{"variable": "x", "mean": 2.0}])


def test_the_order_of_triggers_is_part_of_a_population_and_their_words_are_not(settings) -> None:
    """Susceptibilities are drawn in that order."""
    rows = [*settings.simulator.triggers.items()]

    def hashed(triggers: dict[str, TriggerRule]) -> str:
        simulator = settings.simulator.model_copy(update={"triggers": triggers})
        return population_hash(settings.model_copy(update={"simulator": simulator}), [{"variable": "x"}])

    same = hashed(dict(rows))
    name, row = rows[0]
    assert hashed(dict(reversed(rows))) != same
    assert hashed({**dict(rows), name: row.model_copy(update={"label": "Otherwise"})}) == same
    assert hashed({**dict(rows), name: row.model_copy(update={"effect": 0.1})}) != same


def test_the_code_version_names_release_and_source() -> None:
    release, _, source = code_version().partition("+")
    assert release.count(".") == 2
    assert len(source) == 8


@pytest.fixture
def sources(tmp_path, monkeypatch) -> Iterator[Path]:
    """A copy of the package whose sources the versions are digests of."""
    package = tmp_path / "migraine_platform"
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(migraine_platform.__file__).parent, package, ignore=ignore)
    monkeypatch.setattr(migraine_platform, "__file__", str(package / "__init__.py"))
    _forget_versions()
    yield package
    _forget_versions()


def _forget_versions() -> None:
    for known in (hashing.code_version, hashing.maker_version, hashing.package_version, hashing._source_digest):
        known.cache_clear()


def _versions() -> dict[str, str]:
    schemas = {table.schema_name() for table in tables.ALL}
    found = {schema: hashing.code_version() + hashing.maker_version(schema) for schema in schemas}
    _forget_versions()
    return found


@pytest.mark.parametrize(
    ("changed", "stale"),
    [
        ("evaluation/scoring/gates.py", {"evaluation"}),
        ("twin/hazard/filter.py", {"twin", "evaluation"}),
        ("aline/network/network.py", {"aline", "twin", "evaluation"}),
        ("ingest/overlay.py", {"ingest", "clinical", "recorded", "twin", "evaluation"}),
        ("simulator/generative/trajectories.py", {table.schema_name() for table in tables.ALL}),
        ("cli/platform.py", set()),
    ],
)
def test_changed_code_makes_stale_what_it_makes_and_nothing_else(sources: Path, changed: str, stale: set[str]) -> None:
    before, published = _versions(), hashing.package_version()
    with (sources / changed).open("a") as file:
        file.write("\n# another line\n")
    after = _versions()
    assert {schema for schema, version in after.items() if version != before[schema]} == stale
    assert hashing.package_version() != published


def test_an_editors_files_are_no_source(sources: Path) -> None:
    before = _versions()
    (sources / "twin" / ".#hazard.py").symlink_to("somebody@somewhere.4711:1")
    (sources / "twin" / ".hazard.py.swp.py").write_text("x")
    (sources / "twin" / "folder.py").mkdir()
    (sources / "twin" / "gone.py").symlink_to(sources / "nowhere.py")
    assert _versions() == before


@pytest.mark.parametrize(
    ("written", "meant"),
    [("1e-3", 0.001), ("-5e-1", -0.5), ("2e0", 2.0), ("0200", 200), ("08", 8), ("+5", 5), (".5", 0.5), ("1.", 1.0)],
)
def test_numbers_are_what_people_mean(written: str, meant: float) -> None:
    found = yaml.load(f"x: {written}", Loader=loading._PlainYaml)["x"]
    assert found == meant
    assert type(found) is type(meant)


@pytest.mark.parametrize("written", ["2:30", "0x1F", "1_000", "0o17"])
def test_numbers_of_other_notations_are_texts(written: str) -> None:
    """Which no setting that wants a number takes."""
    assert yaml.load(f"x: {written}", Loader=loading._PlainYaml)["x"] == written


def test_mappings_may_be_merged(project: Path) -> None:
    (project / "configs" / "presets" / "mine.yaml").write_text(
        "simulator:\n  cohort: &small {patients: 0200, days: 040}\ntwin: {horizon_days: 3}\n"
    )
    cohort = load_settings("mine", project).simulator.cohort
    assert (cohort.patients, cohort.days) == (200, 40)
    assert yaml.load("a: &a {x: 1}\nb: {<<: *a, y: 2}", Loader=loading._PlainYaml)["b"] == {"x": 1, "y": 2}


def test_a_preset_with_the_other_ending_is_told(project: Path) -> None:
    (project / "configs" / "presets" / "mine.yml").write_text("{}")
    with pytest.raises(ConfigError, match=r"mine\.yml: presets end in \.yaml; rename it"):
        load_settings("mine", project)


def test_a_home_that_no_shell_expanded_is_ones_home(project: Path, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for written in ("~/data", "$HOME/data"):
        monkeypatch.setenv("MIGRAINE_DATA", written)
        assert load_settings("tiny", project).platform.data_dir == tmp_path / "data"


@pytest.mark.parametrize("name", ["what?", "a::b"])
def test_a_folder_whose_path_means_something_else_is_refused(project: Path, monkeypatch, name: str) -> None:
    monkeypatch.setenv("MIGRAINE_DATA", f"/tmp/{name}/data")
    with pytest.raises(ConfigError, match=r"platform\.data_dir: .* stands in the path"):
        load_settings("tiny", project)
