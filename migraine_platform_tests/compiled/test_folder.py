"""Where compiled code is kept: it runs, so that nobody else may have put it there."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from migraine_platform.compiled.folder import compiled_code


@pytest.fixture
def sealed(tmp_path: Path, monkeypatch) -> Path:
    """A checkout that cannot be written to, whoever runs the tests."""
    monkeypatch.setattr(os, "access", lambda path, mode: "checkout" not in str(path))
    return tmp_path / "checkout" / "__pycache__"


def test_it_lies_beside_the_sources_where_that_can_be_written(tmp_path: Path) -> None:
    assert compiled_code(tmp_path / "__pycache__", tmp_path / "tmp").parent == tmp_path / "__pycache__"


def test_a_read_only_checkout_uses_a_private_folder(sealed: Path, tmp_path: Path) -> None:
    found = compiled_code(sealed, tmp_path)
    assert found.parent.name == f"migraine-{os.getuid()}"
    assert stat.S_IMODE(found.parent.stat().st_mode) == 0o700
    assert compiled_code(sealed, tmp_path) == found


@pytest.mark.parametrize("planted", ["open to others", "a link"])
def test_a_folder_that_another_could_have_filled_is_not_used(sealed: Path, tmp_path: Path, planted: str) -> None:
    own = tmp_path / f"migraine-{os.getuid()}"
    if planted == "a link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        own.symlink_to(tmp_path / "elsewhere")
    else:
        own.mkdir()
        own.chmod(0o777)
    found = compiled_code(sealed, tmp_path)
    assert found.parent != own
    assert stat.S_IMODE(found.parent.stat().st_mode) == 0o700
