"""What the README says is what happens: its commands, the files it names, and the output it shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
# <!-- output of: COMMAND --> and, after it, a block of text with what the command prints.
SHOWN = re.compile(r"<!-- output of: (.*?) -->\n\n```text\n(.*?)```\n", re.DOTALL)
# Times and the last digits of rounding differ from one machine to another.
MEASURED = re.compile(r"\d+(\.\d+)?e[-+]\d+|\d+\.\d+ s\b")


def command(name: str) -> str:
    found = re.search(rf"<!-- {name} -->\n\n```sh\n(.*?)```\n", README, re.DOTALL)
    assert found, f"the README has no {name}"
    return found[1].strip()


@pytest.mark.parametrize("name", ["main command", "test command"])
def test_a_command_sets_up_all_it_needs(name):
    text = command(name)
    assert text.startswith("python3 -m venv .venv && .venv/bin/pip install ")
    assert "\n" not in text


def test_the_main_command_is_the_one_shown_first():
    run = command("main command").rpartition(" && .venv/bin/")[2]
    assert run == SHOWN.findall(README)[0][0]


def test_ci_runs_the_readmes_test_command():
    script = (ROOT / ".ci" / "run").read_text()
    function = re.search(r"^readme_command\(\) \{\n.*?^\}\n", script, re.MULTILINE | re.DOTALL)
    assert function
    called = re.search(r"^test_command=\$\(readme_command \"test command\"\)\n", script, re.MULTILINE)
    assert called
    done = subprocess.run(
        ["bash", "-c", f"{function[0]}\nreadme_command 'test command'"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    assert done.stdout.strip() == command("test command")
    assert 'bash -euo pipefail -c "$test_command"' in script


@pytest.mark.parametrize(("line", "shown"), SHOWN.findall(README), ids=[line for line, _ in SHOWN.findall(README)])
def test_the_output_shown_is_the_real_one(line, shown, request):
    program, *arguments = line.split()
    assert program == "python"
    plain = {key: value for key, value in os.environ.items() if key not in {"COLUMNS", "FORCE_COLOR"}}
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, cwd=ROOT, env=plain, timeout=120, check=False
    )
    if request.config.getoption("--update-golden"):
        text = (ROOT / "README.md").read_text(encoding="utf-8")
        block = f"<!-- output of: {line} -->\n\n```text\n"
        new = text.replace(f"{block}{shown}```", f"{block}{done.stdout.strip()}\n```")
        (ROOT / "README.md").write_text(new, encoding="utf-8")
        shown = done.stdout
    assert MEASURED.sub("#", done.stdout.strip()) == MEASURED.sub("#", shown.strip())


def test_files_that_it_names_exist():
    links = re.findall(r"\]\(([^)#:]+)[^)]*\)", README) + re.findall(r"\b(?:cases|docs)/[\w./-]+\w", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


EXAMPLES = re.findall(r"<!-- (raises: \w+|prints) -->\n\n```python\n(.*?)```\n\n```text\n(.*?)```\n", README, re.DOTALL)


@pytest.mark.parametrize(("ends", "text", "shown"), EXAMPLES, ids=[ends for ends, _, _ in EXAMPLES])
def test_an_example_says_what_the_readme_says(ends, text, shown, tmp_path):
    script = tmp_path / "example.py"
    script.write_text(text)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=tmp_path, check=False)
    said = done.stdout if ends == "prints" else done.stderr.partition(ends.removeprefix("raises: ") + ": ")[2]
    assert said.splitlines()[: len(shown.splitlines())] == shown.splitlines()


def test_there_are_examples():
    assert len(EXAMPLES) == 3
