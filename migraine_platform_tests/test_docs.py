"""What docs and docstrings point to is there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from migraine_platform_tests.conftest import REPOSITORY

PACKAGE = REPOSITORY / "migraine_platform"
MODULES = [*PACKAGE.rglob("*.py"), *REPOSITORY.glob("benchmarks/*.py"), *REPOSITORY.glob("tools/*.py")]
PAGES = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
POINTER = re.compile(r"[\w./-]*\w+\.py\b|\b(?:[a-z_]+/)+(?=[)\s,.;`]|$)")
OTHERS = ("scripts/", "benchmarks/", "tools/", "notebooks/")


def exists(pointer: str, beside: Path) -> bool:
    """A file or folder of that name beside the one that names it, in the package, or in the repository."""
    roots = (beside, PACKAGE, REPOSITORY, *(PACKAGE / part for part in ("simulator", "twin", "evaluation", "aline")))
    if any((root / pointer).exists() for root in roots):
        return True
    return "/" not in pointer and any(path.name == pointer for path in MODULES)


def pointers(text: str) -> Iterator[str]:
    return (found[0] for found in POINTER.finditer(text))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_name_only_modules_that_exist(page: Path) -> None:
    missing = {p for p in pointers(page.read_text()) if p.endswith(".py") and not exists(p, page.parent)}
    assert missing == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_of_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#\s]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_modules_of_a_twin_are_where_its_page_says() -> None:
    rows = re.findall(r"^\| [^|]+ \| (`[^|]+`) \|", (REPOSITORY / "docs" / "twin.md").read_text(), flags=re.MULTILINE)
    named = re.findall(r"`([a-z_]+/[a-z_]*)`", " ".join(rows))
    assert len(named) > 10
    missing = [name for name in named if not any((PACKAGE / "twin" / f"{name}{end}").exists() for end in ("", ".py"))]
    assert missing == []


SHAPED = 0.95
"""Of the array arguments of public functions, at least this share has its shape in the docstring."""


def test_array_arguments_say_their_shapes() -> None:
    said, without = 0, []
    for path in PACKAGE.rglob("*.py"):
        module = ast.parse(path.read_text())
        bodies = [module.body, *(node.body for node in module.body if isinstance(node, ast.ClassDef))]
        for node in (node for body in bodies for node in body):
            if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
                continue
            told = ast.get_docstring(node) or ""
            for argument in node.args.args:
                kind = ast.unparse(argument.annotation) if argument.annotation else ""
                if "NDArray" not in kind and kind != "Tensor":
                    continue
                if re.search(rf"\b{argument.arg}\b[^:\n]*:[^\n]*\[|\b{argument.arg}s? \[", told):
                    said += 1
                else:
                    without.append(f"{path.relative_to(PACKAGE)}: {node.name}({argument.arg})")
    assert said / (said + len(without)) >= SHAPED, without


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_docstrings_name_only_modules_that_exist(path: Path) -> None:
    tree = ast.parse(path.read_text())
    strings = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    told = " ".join(text for text in strings if " " in text)
    assert {p for p in pointers(told) if p.endswith(".py") and not exists(p, path.parent)} == set()


@pytest.mark.parametrize("package", sorted({path.parent for path in PACKAGE.rglob("*.py")}), ids=lambda path: path.name)
def test_the_first_lines_of_a_package_say_where_to_begin(package: Path) -> None:
    told = ast.get_docstring(ast.parse((package / "__init__.py").read_text()))
    assert told is not None
    modules = {path.stem for path in package.iterdir() if path.suffix == ".py" or path.is_dir()} - {"__init__"}
    assert len(modules) < 3 or any(re.search(rf"\b{name}\b", told) for name in modules), told
