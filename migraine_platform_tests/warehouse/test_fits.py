"""A calibration is fitted once for what decides it, and anew for anything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from migraine_platform.config import resized
from migraine_platform.warehouse import fits
from migraine_platform.warehouse.fits import calibration_key, fitted


@pytest.fixture
def asked(monkeypatch, calibration) -> list[str]:
    """Who had it fitted; the fit itself is the shared one."""
    calls: list[str] = []

    def calibrate(settings, features, progress):
        calls.append("fitted")
        return calibration

    monkeypatch.setattr(fits, "fit_parameters", calibrate)
    return calls


def test_it_is_fitted_once_and_is_the_same_to_the_last_bit(
    settings, features, calibration, asked, tmp_path: Path
) -> None:
    first, second = (fitted(settings.simulator, features, tmp_path) for _ in range(2))
    assert asked == ["fitted"]
    for one, other in zip((first, second), (calibration, calibration), strict=True):
        assert one.beta.tolist() == other.beta.tolist()
        assert one.theta.tolist() == other.theta.tolist()
        assert dict(one.preventive) == dict(other.preventive)


def test_a_larger_cohort_has_the_same_fit_and_another_effect_has_its_own(settings, features) -> None:
    key = calibration_key(settings.simulator, features)
    assert calibration_key(resized(settings, patients=500, days=77).simulator, features) == key
    rows = settings.simulator.triggers
    for change in ({"effect": 0.1}, {"threshold": 3}):
        other = {**rows, "diet": rows["diet"].model_copy(update=change)}
        assert calibration_key(settings.simulator.model_copy(update={"triggers": other}), features) != key
    assert calibration_key(settings.simulator, features[1:]) != key


def flipped(content: bytes) -> bytes:
    """One bit in the middle: Parquet reads it, and it says something else."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :]


@pytest.mark.parametrize("damage", [b"", b"PAR1", b"x" * 100, None])
def test_a_damaged_fit_is_made_anew(settings, features, asked, tmp_path: Path, damage: bytes | None) -> None:
    fitted(settings.simulator, features, tmp_path)
    (path,) = tmp_path.glob("*.parquet")
    path.write_bytes(flipped(path.read_bytes()) if damage is None else damage)
    fitted(settings.simulator, features, tmp_path)
    assert asked == ["fitted", "fitted"]
