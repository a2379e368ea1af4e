"""The laws of the house, held against the code."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from migraine_platform.domain.triggers import TriggerFamily
from migraine_platform.priors.vocabulary import TRIGGER_FLAGS, TRIGGER_NAMES, TRIGGERS
from migraine_platform_tests.conftest import REPOSITORY, environment

PACKAGE = REPOSITORY / "migraine_platform"

MAY_IMPORT = {  # data flow one way: a package imports itself and what stands before it
    "domain": {"domain"},
    "config": {"domain", "config"},
    "compiled": {"domain", "config", "compiled"},
    "priors": {"domain", "config", "compiled", "priors"},
    "simulator": {"domain", "config", "compiled", "priors", "simulator"},
    "warehouse": {"domain", "config", "priors", "simulator", "warehouse"},
    "ingest": {"domain", "config", "priors", "warehouse", "ingest"},
    "operations": {"domain", "config", "warehouse", "operations"},
    "aline": {"domain", "config", "compiled", "priors", "simulator", "warehouse", "aline"},
    "twin": {"domain", "config", "compiled", "priors", "simulator", "warehouse", "ingest", "aline", "twin"},
    "research": {
        "domain",
        "config",
        "compiled",
        "priors",
        "simulator",
        "warehouse",
        "ingest",
        "aline",
        "twin",
        "research",
    },
    "evaluation": {
        "domain",
        "config",
        "compiled",
        "priors",
        "simulator",
        "warehouse",
        "ingest",
        "aline",
        "twin",
        "evaluation",
    },
}
GROUPS = {  # inside a package, too, data flow one way: a group imports itself and what stands before it
    "simulator": ("random", "exogenous", "generative", "filtering", "cohort", "hourly", "checks"),
    "aline": ("tasks", "network", "policies", "training", "scoring", "advice"),
    "evaluation": ("forecasts", "scoring", "components", "questions", "study", "report"),
    "twin": (
        "data",
        "dynamics",
        "hazard",
        "core",
        "drift",
        "triggers",
        "symptoms",
        "updating",
        "cohort",
        "reporting",
    ),
}
SCIENCE = ("priors", "simulator", "aline", "twin", "evaluation")
HEAVY = {"torch", "scipy", "sklearn", "matplotlib", "numba", "numpy", "polars", "duckdb", "dataframely", "openpyxl"}


def imports(path: Path, with_names: bool = False) -> set[str]:
    """Every module that a file imports, wherever in it; with names, what it imports from packages as well."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names if with_names}
    return found


def modules(*packages: str) -> list[Path]:
    return [path for package in packages for path in sorted((PACKAGE / package).rglob("*.py"))]


@pytest.mark.parametrize("path", modules(*MAY_IMPORT), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_science_knows_no_orchestrator_and_data_flow_one_way(path: Path) -> None:
    package = path.relative_to(PACKAGE).parts[0]
    for name in imports(path):
        assert not name.startswith("dagster"), f"{name} in {path.name}"
        if name.startswith("migraine_platform.") and name.count(".") > 1:
            assert name.split(".")[1] in MAY_IMPORT[package], f"{name} in {package}/{path.name}"


@pytest.mark.parametrize("path", modules(*GROUPS), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_groups_of_a_package_import_only_those_before_them(path: Path) -> None:
    package, *group = path.relative_to(PACKAGE).parts[:-1]
    if not group:
        return
    order = GROUPS[package]
    for name in imports(path):
        if name.startswith(f"migraine_platform.{package}."):
            assert order.index(name.split(".")[2]) <= order.index(group[0]), name


@pytest.mark.parametrize("path", modules("."), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_what_is_compiled_takes_njit_from_where_the_cache_is_set(path: Path) -> None:
    if path.parent.name != "compiled":
        assert "import njit" not in path.read_text().replace("from migraine_platform.compiled import njit", "")


@pytest.mark.parametrize("path", modules(*SCIENCE, "defs"), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_paths_are_joined_in_the_warehouse_alone(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            for side in (node.left, node.right):
                assert not isinstance(side, ast.JoinedStr)
                assert not (isinstance(side, ast.Constant) and isinstance(side.value, str))
        assert not (isinstance(node, ast.Attribute) and node.attr == "joinpath")


@pytest.mark.parametrize("path", modules(*SCIENCE, "config"), ids=lambda path: path.name)
def test_duckdb_is_known_to_the_warehouse_alone(path: Path) -> None:
    assert "duckdb" not in imports(path)


def test_loading_the_code_location_loads_nothing_heavy() -> None:
    code = "import sys, migraine_platform.definitions; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment(REPOSITORY, "demo")
    )
    assert HEAVY & set(result.stdout.split()) == set()


@pytest.mark.parametrize("path", modules("."), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_pickle_is_ever_loaded(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and node.attr in ("load", "loads", "Unpickler"):
            assert not (isinstance(node.value, ast.Name) and node.value.id in ("pickle", "torch", "joblib"))


@pytest.mark.parametrize("path", modules("."), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_stay_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 320


def reached() -> set[str]:
    """Modules that Dagster's definitions or a command import, directly or through others."""
    files = {".".join(path.relative_to(REPOSITORY).with_suffix("").parts): path for path in modules(".")}
    files = {name.removesuffix(".__init__"): path for name, path in files.items()}
    found: set[str] = set()
    left = [name for name in files if name.split(".")[1:2] in (["defs"], ["cli"], ["definitions"])]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += imports(files[name], with_names=True) & files.keys()
    return found


def test_what_no_asset_or_command_reaches_stands_in_research() -> None:
    known = reached()
    for path in modules("."):
        name = ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)
        assert path.name == "__init__.py" or name in known or path.relative_to(PACKAGE).parts[0] == "research", name


@pytest.mark.parametrize("folder", sorted({path.parent for path in modules(".")}), ids=lambda path: path.name)
def test_folders_are_small_enough_to_look_through(folder: Path) -> None:
    assert len([path for path in folder.glob("*.py") if path.name != "__init__.py"]) <= 14


def spelled(trigger: TriggerFamily) -> tuple[str, ...]:
    """Every name that is made of a trigger's."""
    return trigger.node, trigger.factor, trigger.susceptibility


@pytest.mark.parametrize("path", modules("."), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_triggers_are_listed_in_the_settings_alone(path: Path) -> None:
    """Names of several triggers in one literal are a list of triggers."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Tuple | ast.List | ast.Set | ast.Dict):
            elements = node.keys if isinstance(node, ast.Dict) else node.elts
            names = {one.value for one in elements if isinstance(one, ast.Constant) and isinstance(one.value, str)}
            for listed in (TRIGGER_NAMES, TRIGGER_FLAGS, *zip(*map(spelled, TRIGGERS), strict=True)):
                assert len(names & set(listed)) < 3, names


def identifiers(tree: ast.Module) -> set[str]:
    """Every name that a module uses or says in one word: variables, attributes, arguments, columns."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.arg | ast.keyword) and node.arg:
            found.add(node.arg)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and " " not in node.value:
            found.add(node.value)
    return found


def spelled_out(names: set[str]) -> dict[str, set[str]]:
    """Names that are made of triggers' in one and the same way, as `way_*`, with the triggers that they are made of."""
    made: dict[str, set[str]] = {}
    for name in names:
        for trigger in TRIGGER_NAMES:
            if trigger in name and name != trigger:
                made.setdefault(name.replace(trigger, "*"), set()).add(trigger)
    return made


@pytest.mark.parametrize("path", modules("."), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_names_are_made_of_triggers_one_by_one(path: Path) -> None:
    """Columns and variables such as `way_sleep`, `way_stress`, `way_diet` would leave a further trigger out."""
    made = spelled_out(identifiers(ast.parse(path.read_text())))
    assert {how: triggers for how, triggers in made.items() if len(triggers) > 2} == {}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.sql")), ids=lambda path: path.stem)
def test_no_query_names_triggers(path: Path) -> None:
    assert {
        how: who for how, who in spelled_out(set(re.findall(r"\w+", path.read_text()))).items() if len(who) > 1
    } == {}


def test_names_made_of_triggers_are_seen() -> None:
    planted = "class Drift:\n    way_sleep = 1\n    way_stress = 2\n    way_diet = 3\n"
    assert spelled_out(identifiers(ast.parse(planted))) == {"way_*": {"sleep", "stress", "diet"}}


def test_every_class_has_a_name_of_its_own() -> None:
    places: dict[str, list[str]] = {}
    for path in modules("."):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(str(path.relative_to(PACKAGE)))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_torch_and_duckdb_are_pinned_exactly() -> None:
    constraints = (REPOSITORY / "constraints.txt").read_text().splitlines()
    assert "torch==2.13.0" in constraints
    assert "duckdb==1.5.5" in constraints
    assert all("==" in line for line in constraints if line and not line.startswith("#"))
