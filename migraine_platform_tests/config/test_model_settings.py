"""Bad settings of the model: one sentence each, naming file, key and expectation, before anything is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from migraine_platform.config import ConfigError, load_settings
from migraine_platform.config.simulator.matrices import is_positive_definite, is_positive_semidefinite, is_stable
from migraine_platform_tests.conftest import change, migraine

UNIT = [[float(i == j) for j in range(4)] for i in range(4)]


def scaled(factor: float) -> list[list[float]]:
    return [[factor * value for value in row] for row in UNIT]


BAD: dict[str, tuple[tuple[str, ...], object, str]] = {
    "A too small": (
        ("latent", "A"),
        [[0.5]],
        r"A has 1 rows of \[1\] numbers; expected 4 rows of 4",
    ),
    "A unstable": (("latent", "A"), scaled(1.0), "A is unstable: an eigenvalue lies at or beyond 1"),
    "B of wrong length": (("latent", "B"), {"stress_level": [1, 2]}, r"B\.stress_level has 2 numbers; expected 4"),
    "B of a feature nobody has": (("latent", "B"), {"shoe_size": [0, 0, 0, 0]}, "B has no column for shoe_size"),
    "Q not symmetric": (("latent", "Q"), [[1, 0.5, 0, 0], *UNIT[1:]], "Q is not symmetric"),
    "Q indefinite": (("latent", "Q"), scaled(-1.0), "Q is not positive semidefinite"),
    "a drug nobody has": (("attacks", "treated_with"), "aspirin", 'attacks.treated_with is "aspirin"; expected one of'),
    "no patients": (("cohort", "patients"), 0, r"simulator\.cohort\.patients: 0: expected greater than or equal to 1"),
    "a shape of change nobody knows": (("drift", "shapes"), {"odd": 1}, "shapes must weigh sudden, gradual, recurring"),
    "pain moves a night's feature by day": (
        ("coupling", "pain_day"),
        {"total_sleep_hours": -1},
        "unknown feature total_sleep_hours; expected some of: stress_level",
    ),
    "a cycle of a week": (("hormones", "cycle_range"), [7, 40], "expected 15 <= low <= cycle_days <= high <= 60"),
    "an effect of nothing": (
        ("triggers", "diet", "effect"),
        0,
        r"triggers\.diet\.effect: 0: expected greater than 0",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_setting_is_one_sentence(project: Path, name: str) -> None:
    keys, value, message = BAD[name]
    (project / "configs" / "presets" / "plain.yaml").write_text("{}\n")
    change(project, "simulator.yaml", *keys, to=value)
    with pytest.raises(ConfigError, match=message) as raised:
        load_settings("plain", project)
    assert "simulator.yaml" in str(raised.value)


@pytest.mark.parametrize(
    ("a", "q", "message"),
    [
        (
            [[-0.5, 0, 0, 0], *scaled(0.5)[1:]],
            UNIT,
            "simulator.latent.A: eigenvalue -0.5 has no real root of order 24",
        ),
        (
            [[0.9, 0.8, 0, 0], [0, 0.1, 0, 0], *scaled(0.5)[2:]],
            [[1e-6, 0, 0, 0], *UNIT[1:]],
            "simulator.latent.Q: the hourly noise would have a variance of -",
        ),
    ],
)
def test_dynamics_without_hours_stop_the_command_and_leave_nothing(
    project: Path, tmp_path: Path, a: object, q: object, message: str
) -> None:
    change(project, "simulator.yaml", "latent", "A", to=a)
    change(project, "simulator.yaml", "latent", "Q", to=q)
    out = tmp_path / "out"
    result = migraine(project, "simulate", "--out", str(out))
    assert result.returncode == 1
    assert result.stderr.strip().splitlines()[-1].startswith(f"error: {message}")
    assert not out.exists()


def square(seed: int, size: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(size, size))


def rows(matrix: np.ndarray) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in matrix.tolist())


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.floats(0.05, 3))
def test_stability_is_that_of_the_eigenvalues(seed: int, size: int, scale: float) -> None:
    matrix = square(seed, size) * scale / np.sqrt(size)
    radius = np.abs(np.linalg.eigvals(matrix)).max()
    if abs(radius - 1) > 1e-9:
        assert is_stable(rows(matrix)) == (radius < 1)


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.floats(-1, 1))
def test_definiteness_is_that_of_the_eigenvalues(seed: int, size: int, shift: float) -> None:
    matrix = square(seed, size)
    symmetric = (matrix + matrix.T) / 2 + shift * np.eye(size)
    smallest = np.linalg.eigvalsh(symmetric).min()
    if abs(smallest) > 1e-6:
        assert is_positive_definite(rows(symmetric)) == (smallest > 0)
        assert is_positive_semidefinite(rows(symmetric)) == (smallest > 0)


@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
def test_a_covariance_without_full_rank_is_semidefinite(seed: int, size: int) -> None:
    direction = square(seed, size)[:, :1]
    assert is_positive_semidefinite(rows(direction @ direction.T))
