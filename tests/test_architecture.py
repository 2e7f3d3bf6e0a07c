"""Imports point one way, and `import shapecheck` stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import shapecheck

ROOT = Path(shapecheck.__file__).parent
# Data flows from left to right; a package imports from those to its left only.
ORDER = ("trace", "network", "gradients", "diagnose", "repair", "report")
HEAVY = ("autograd", "rich", "click", "scipy", "jaxtyping", "beartype", "matplotlib", "IPython", "pytest")


def imported(file: Path) -> Iterator[str]:
    """Every module that a file names in an import, those inside functions included, relative ones made absolute."""
    package = ["shapecheck", *file.relative_to(ROOT).parts[:-1]]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) + 1 - node.level]) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("package", ORDER)
def test_imports_point_one_way(package):
    allowed = ORDER[: ORDER.index(package) + 1]
    # Outside the arrow stand the doors (command line, decorator, plugins): no step knows of the doors.
    doors = {path.stem for path in ROOT.glob("*.py")} - {"__init__"}
    files = list((ROOT / package).rglob("*.py"))
    assert files
    wrong = [
        f"{file.relative_to(ROOT)} imports {name}"
        for file in files
        for name in imported(file)
        if (parts := name.split("."))[0] == "shapecheck" and len(parts) > 1
        if (parts[1] in ORDER and parts[1] not in allowed) or parts[1] in doors
    ]
    assert not wrong


def test_every_package_has_its_place():
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert set(ORDER) <= packages


@pytest.mark.parametrize("module", ["shapecheck", "shapecheck.diagnose.finding"])
def test_import_is_light(module):
    code = f"import sys, {module}; print(*(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == []
