"""From YAML files to typed settings, with errors that name the file, the key and the reason.

Belongs here: which files are read, how a preset is laid over them, how an error reads.
Does not: what a setting means (settings.py).

    configs/<stage>.yaml          one file a stage; the file's name is the section's name
    configs/presets/<preset>.yaml what a preset changes, by section
"""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Hashable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from migraine_platform.config.settings import Settings
from migraine_platform.config.sheets.triggers import trigger_rows
from migraine_platform.config.simulator.settings import Cohort
from migraine_platform.errors import UserError

DEFAULT_PRESET = "demo"
PRESET_VARIABLE = "MIGRAINE_PRESET"
ROOT_VARIABLE = "MIGRAINE_ROOT"
DATA_VARIABLE = "MIGRAINE_DATA"

KeyPath = tuple[str, ...]


class ConfigError(UserError):
    """A setting that cannot be used: the message names file, key, value and what was expected."""


def project_root() -> Path:
    """The folder that holds `configs/` and `data/`: $MIGRAINE_ROOT, else the checkout."""
    configured = os.environ.get(ROOT_VARIABLE)
    return Path(configured).resolve() if configured else Path(__file__).resolve().parents[2]


def config_file(name: str, root: Path | None = None) -> Path:
    """A file of the folder `configs/`."""
    return (root or project_root()) / "configs" / name


def preset_names(root: Path | None = None) -> list[str]:
    """Every preset there is a file for, sorted."""
    folder = (root or project_root()) / "configs" / "presets"
    return sorted(path.stem for path in folder.glob("*.yaml"))


def load_settings(preset: str | None = None, root: Path | None = None, workbook: Path | None = None) -> Settings:
    """Read and validate the settings of one preset.

    Args:
        preset: a name from `preset_names`; by default $MIGRAINE_PRESET, else `demo`.
        root: the folder that holds `configs/`; by default `project_root()`.
        workbook: in the place of the configured one.

    Raises:
        ConfigError, TriggerSheetError: naming every file, key and reason, all errors at once.
    """
    root = root or project_root()
    preset = preset or os.environ.get(PRESET_VARIABLE) or DEFAULT_PRESET
    if preset not in preset_names(root):
        expected = ", ".join(preset_names(root)) or f"a file in {root / 'configs' / 'presets'}"
        if (root / "configs" / "presets" / f"{preset}.yml").exists():
            raise ConfigError(f"configs/presets/{preset}.yml: presets end in .yaml; rename it")
        raise ConfigError(f'preset "{preset}" does not exist; expected one of: {expected}')

    merged: dict[str, Any] = {}
    origins: dict[KeyPath, Path] = {}
    for section in Settings.sections():
        path = root / "configs" / f"{section}.yaml"
        _overlay(merged, {section: _read(path)}, path, origins)
    base = set(_triggers_of(merged))
    path = root / "configs" / "presets" / f"{preset}.yaml"
    changes = _read(path)
    _overlay(merged, changes, path, origins)
    if "preset" in changes:
        raise ConfigError(f"configs/presets/{path.name}, preset: unknown key; a preset is named by its file")

    if workbook is not None and isinstance(merged["priors"], dict):
        merged["priors"]["workbook"] = str(workbook.absolute())
    _add_own_triggers(merged, base, origins, root)

    data = os.environ.get(DATA_VARIABLE)
    if data and isinstance(merged["platform"], dict):
        merged["platform"]["data_dir"] = data
    try:
        content = json.dumps({**merged, "preset": preset}, default=str)
        return Settings.model_validate_json(content, strict=True, context={"root": root})
    except ValidationError as error:
        lines = [_explain(detail, origins, root) for detail in error.errors()]
        raise ConfigError("\n".join(lines)) from None


def _triggers_of(merged: Mapping[str, Any]) -> dict[str, Any]:
    simulator = merged.get("simulator")
    rows = simulator.get("triggers") if isinstance(simulator, dict) else None
    return rows if isinstance(rows, dict) else {}


def _add_own_triggers(merged: dict[str, Any], base: set[str], origins: dict[KeyPath, Path], root: Path) -> None:
    """Rows of the workbook's sheet, below those of the stage's file; a preset may change either."""
    priors = merged.get("priors")
    workbook = priors.get("workbook") if isinstance(priors, dict) else None
    if not isinstance(workbook, str):
        return
    path = Path(root, os.path.expanduser(os.path.expandvars(workbook)))
    shown = path.relative_to(root) if path.is_relative_to(root) else path
    own, rows = trigger_rows(path, str(shown)), _triggers_of(merged)
    if twice := sorted(base & own.keys()):
        raise ConfigError(
            f'{own[twice[0]]["place"]}, column "Name": "{twice[0]}" stands in configs/simulator.yaml already; '
            "expected another name"
        )
    if own:
        for name, row in own.items():
            origins[("simulator", "triggers", name)] = Path(row["place"])
        after = {name: {**row, **_as_mapping(rows.get(name))} for name, row in own.items()}
        merged["simulator"]["triggers"] = {**rows, **after}


def _as_mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


@cache
def process_settings() -> Settings:
    """The settings of $MIGRAINE_ROOT and $MIGRAINE_PRESET when first asked for: what names and array sizes follow."""
    return load_settings()


def resized(settings: Settings, **changes: int) -> Settings:
    """The same settings with another number of patients or days.

    Raises:
        ConfigError: if the cohort may not have that size.
    """
    try:
        cohort = Cohort.model_validate({**settings.simulator.cohort.model_dump(), **changes})
    except ValidationError as error:
        lines = [f"{detail['loc'][-1]}: {detail['input']}: {_expectation(detail)}" for detail in error.errors()]
        raise ConfigError("\n".join(lines)) from None
    return settings.model_copy(update={"simulator": settings.simulator.model_copy(update={"cohort": cohort})})


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_PlainYaml)
    except FileNotFoundError:
        raise ConfigError(f"{path}: the file is missing") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # PyYAML meets odd dates with ValueError
        raise ConfigError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    if content is None:
        return {}
    try:
        json.dumps(content, default=str)
    except (ValueError, RecursionError):
        raise ConfigError(f"{path}: a value contains itself") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: expected keys and values, found {type(content).__name__}")
    return content


class _PlainYaml(yaml.SafeLoader):
    """YAML's safe loader, with numbers as people mean them.

    A key that stands twice is an error instead of the last one winning. Numbers are those of YAML 1.2: `1e-3` is a
    number, `0200` is two hundred and no octal, `2:30` is a text and no count of sixties.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """A mapping whose keys are all different; `<<` merges others into it."""
        keys = [self.construct_object(key, deep=True) for key, _ in node.value if key.tag != _MERGE]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f'the key "{key}" stands twice', node.start_mark)
        return super().construct_mapping(node, deep)

    def construct_number(self, node: yaml.ScalarNode) -> int:
        """A whole number, in tens whatever it begins with."""
        return int(node.value)


_MERGE, _INTEGER, _FLOAT = (f"tag:yaml.org,2002:{name}" for name in ("merge", "int", "float"))
_PlainYaml.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if tag not in (_INTEGER, _FLOAT)]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_PlainYaml.add_implicit_resolver(_INTEGER, re.compile(r"[-+]?[0-9]+$"), list("-+0123456789"))
_PlainYaml.add_implicit_resolver(
    _FLOAT,
    re.compile(r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?$|[-+]?[0-9]+[eE][-+]?[0-9]+$|[-+]?\.inf$|\.nan$"),
    list("-+.0123456789"),
)
_PlainYaml.add_constructor(_INTEGER, _PlainYaml.construct_number)


def _overlay(
    base: dict[str, Any],
    changes: Mapping[str, Any],
    path: Path,
    origins: dict[KeyPath, Path],
    at: KeyPath = (),
) -> None:
    """Lay `changes` over `base` in place, key by key, noting which file each key came from."""
    for key, value in changes.items():
        here = (*at, str(key))
        if isinstance(value, Mapping) and isinstance(base.get(key, {}), Mapping):
            base[key] = dict(base.get(key, {}))
            origins.setdefault(here, path)
            _overlay(base[key], value, path, origins, here)
        else:
            base[key] = value
            origins[here] = path


def _explain(detail: Any, origins: Mapping[KeyPath, Path], root: Path) -> str:
    """One sentence for one validation error: file, key, value, expectation."""
    location: KeyPath = tuple(str(part) for part in detail["loc"])
    path = next((origins[prefix] for prefix in _prefixes(location) if prefix in origins), root / "configs")
    name = path.relative_to(root) if path.is_relative_to(root) else path
    key = ".".join(location) or "settings"
    if detail["type"] == "extra_forbidden":
        known = _known_keys(location[:-1])
        close = difflib.get_close_matches(location[-1], known, n=1)
        hint = f'did you mean "{close[0]}"?' if close else f"expected one of: {', '.join(known)}"
        return f"{name}, {key}: unknown key; {hint}"
    if detail["type"] == "missing":
        return f"{name}, {key}: missing, and it has no default"
    reason = _expectation(detail)
    value = detail.get("input")
    shown = f"{value!r}: " if not isinstance(value, dict | list | BaseModel) else ""
    return f"{name}, {key}: {shown}{reason}"


def _expectation(detail: Any) -> str:
    return str(detail["msg"]).removeprefix("Value error, ").replace("Input should be", "expected")


def _prefixes(location: KeyPath) -> Iterator[KeyPath]:
    return (location[:length] for length in range(len(location), 0, -1))


def _known_keys(location: KeyPath) -> list[str]:
    """The keys that the model at `location` declares."""
    model: type[BaseModel] = Settings
    for part in location:
        field = model.model_fields.get(part)
        annotation = field.annotation if field else None
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            model = annotation
    return sorted(model.model_fields)
