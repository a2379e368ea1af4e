"""What the project says of itself outside of its code is said once, or the same everywhere."""

from __future__ import annotations

import tomllib

import yaml

import migraine_platform
from migraine_platform_tests.conftest import REPOSITORY

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
CITATION = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text())


def test_version_and_licence_are_the_same_everywhere() -> None:
    assert PROJECT["version"] == CITATION["version"] == migraine_platform.__version__
    assert PROJECT["license"] == CITATION["license"] == "Apache-2.0"
    assert "Version 2.0, January 2004" in (REPOSITORY / "LICENSE").read_text()
    assert f"({PROJECT['version']})" in (REPOSITORY / "CHANGELOG.md").read_text()


def test_a_commit_is_held_against_what_make_check_runs() -> None:
    (repository,) = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text())["repos"]
    assert [hook["entry"] for hook in repository["hooks"]] == ["make check"]
