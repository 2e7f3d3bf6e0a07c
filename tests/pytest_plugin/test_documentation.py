"""The examples of the documentation do what it shows, word for word."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from .conftest import run_pytest

README = Path(__file__).parents[2] / "README.md"
DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "grading.md"
BLOCK = re.compile(r"<!-- (the points|feedback of: \w+) -->\n\n```text\n(.*?)```\n", re.DOTALL)


@pytest.mark.slow
def test_the_page_shows_what_happens(tmp_path, request):
    folder = tmp_path / "grading"
    shutil.copytree(DOCS / "examples" / "grading", folder, ignore=shutil.ignore_patterns("__pycache__", "feedback"))
    text = PAGE.read_text(encoding="utf-8")
    (command,) = re.findall(r"```sh\npython -m pytest (.*?)\n```", text)
    done = run_pytest(folder, *command.split(), "--shapecheck-timeout=60")
    points = re.search(r"^=+ points =+\n(.*?)^=+", done.text, re.DOTALL | re.MULTILINE)
    assert points, done.text
    shown = {"the points": points[1]}
    for file in (folder / "feedback").iterdir():
        shown[f"feedback of: {file.stem}"] = file.read_text(encoding="utf-8")
    assert shown["feedback of: ada"] == "everything is right\n"
    assert "= verified: the test passes" in shown["feedback of: ben"]
    if request.config.getoption("--update-golden"):
        new = BLOCK.sub(lambda m: f"<!-- {m[1]} -->\n\n```text\n{shown[m[1]].rstrip()}\n```\n", text)
        PAGE.write_text(new, encoding="utf-8")
        text = new
    blocks = BLOCK.findall(text)
    assert {name for name, _ in blocks} == {"the points", "feedback of: ben", "feedback of: cleo", "feedback of: dan"}
    for name, block in blocks:
        assert block.rstrip() == shown[name].rstrip()


def test_the_page_quotes_the_example():
    text = PAGE.read_text(encoding="utf-8")
    (quoted,) = re.findall(r"<!-- part of: test_backprop.py -->\n\n```python\n(.*?)```", text, re.DOTALL)
    assert quoted in (DOCS / "examples" / "grading" / "test_backprop.py").read_text(encoding="utf-8")
    links = re.findall(r"\]\((examples/[^)]+)\)", text)
    assert links
    assert all((DOCS / link).exists() for link in links)


def test_the_readme_shows_what_happens(tmp_path, request):
    text = README.read_text(encoding="utf-8")
    files = dict(re.findall(r"<!-- file: (\w+\.py) -->\n\n```python\n(.*?)```", text, re.DOTALL))
    assert set(files) == {"net.py", "test_net.py"}
    for name, source in files.items():
        (tmp_path / name).write_text(source, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    done = run_pytest(tmp_path, "--shapecheck-timeout=60")
    (section,) = done.sections
    # Between the test and the message there is none of our own code.
    assert "GradientMismatchError: the gradient of `W` is wrong" in done.text
    assert "gradients/check.py" not in done.text
    assert "assertions.py" not in done.text
    block = re.compile(r"(<!-- section of: pytest -->\n\n```text\n)(.*?)```", re.DOTALL)
    if request.config.getoption("--update-golden"):
        text = block.sub(lambda m: f"{m[1]}{section}\n```", text)
        README.write_text(text, encoding="utf-8")
    (shown,) = block.findall(text)
    assert shown[1].rstrip() == section
    assert "= verified: the test passes" in section
