"""No setting is compiled in: whatever triggers and features a project has, it runs the same compiled code."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numba.core.registry import CPUDispatcher

import migraine_platform
from migraine_platform.compiled import njit
from migraine_platform.config import load_settings
from migraine_platform.priors.vocabulary import TRIGGER_NAMES
from migraine_platform_tests.conftest import environment

PACKAGE = Path(migraine_platform.__file__).parent
READ = "import json; from migraine_platform_tests.compiled.test_constants import read; print(json.dumps(read()))"


def compiled_functions() -> dict[str, Any]:
    """Every compiled function of the package by its name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        if "@njit" in path.read_text(encoding="utf-8"):
            name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
            functions = vars(importlib.import_module(name)).items()
            found |= {f"{name}.{key}": one for key, one in functions if is_compiled_in(one, name)}
    return found


def is_compiled_in(one: object, module: str) -> bool:
    return isinstance(one, CPUDispatcher) and one.py_func.__module__ == module


def constants(function: Any) -> dict[str, str]:
    """What a compiled function takes from its module, but for other functions and types."""
    scope, names = function.py_func.__globals__, function.py_func.__code__.co_names
    taken = {name: scope[name] for name in names if name in scope}
    plain = {name: value for name, value in taken.items() if not callable(value) and not isinstance(value, ModuleType)}
    return {name: np.array2string(np.asarray(value), threshold=10**6) for name, value in plain.items()}


def read() -> dict[str, dict[str, str]]:
    """The constants of every compiled function of this process."""
    return {name: constants(function) for name, function in compiled_functions().items()}


def test_projects_with_other_triggers_run_the_same_compiled_code(shared_project: Path) -> None:
    more = load_settings("literature", shared_project).simulator
    assert len(more.triggers) != len(TRIGGER_NAMES)
    assert more.further_features
    done = subprocess.run(
        [sys.executable, "-c", READ],
        env=environment(shared_project, "literature"), cwd=PACKAGE.parent, capture_output=True, text=True, check=True,
    )  # fmt: skip
    here = read()
    assert len(here) > 100
    assert json.loads(done.stdout) == here


def test_a_number_of_triggers_that_is_compiled_in_would_be_seen() -> None:
    @njit
    def counted() -> int:
        return len(TRIGGER_NAMES)

    assert constants(counted) == {"TRIGGER_NAMES": np.array2string(np.array(TRIGGER_NAMES))}
