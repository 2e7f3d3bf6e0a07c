"""The other commands, and the command line as a whole process."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

import shapecheck
from shapecheck import cli
from shapecheck.diagnose.codes import CODES


def run(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "shapecheck", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)


def call(capsys, *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments, prog_name="shapecheck")
    captured = capsys.readouterr()
    return ended.value.code, captured.out, captured.err


def test_version_as_a_process():
    done = run("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"shapecheck {shapecheck.__version__}\n", "")


def test_no_command_shows_the_commands(capsys):
    status, _, err = call(capsys)
    assert status == 2
    assert "diagnose" in err


def test_unknown_command(capsys):
    status, _, err = call(capsys, "diagnos")
    assert status == 2
    assert "diagnos" in err


def test_explain_lists_all_codes(capsys):
    status, out, _ = call(capsys, "explain")
    assert status == 0
    assert [code for code in CODES if code not in out] == []


@pytest.mark.parametrize("spelling", ["SC101", "sc101", "101"])
def test_explain_shows_a_page(spelling, capsys):
    status, out, _ = call(capsys, "explain", spelling)
    assert status == 0
    assert out.startswith("SC101: ")


@pytest.mark.parametrize(("code", "near"), [("SC199", "SC101"), ("SC999", "SC901"), ("E501", ""), ("", "")])
def test_explain_unknown_code(code, near, capsys):
    status, out, err = call(capsys, "explain", code)
    assert (status, out) == (2, "")
    assert f"there is no code {code!r}" in err
    assert near in err
    assert "lists all codes" in err


def test_a_reader_that_goes_away_is_no_failure():
    command = f"{sys.executable} -m shapecheck explain | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.startswith("SC1xx")
    assert done.stderr == ""


def test_a_command_that_cannot_be_imported_says_so(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "shapecheck.reference_commands", None)
    status, out, _ = call(capsys, "--help")
    assert status == 0
    assert "shapes" in out
    assert "nets" in out
    status, _, err = call(capsys, "shapes", "784", "--batch", "3")
    assert status == 2
    assert "the command `shapes` cannot be loaded" in err


def test_commands_are_loaded_when_called(capsys, monkeypatch):
    from types import ModuleType

    module = ModuleType("shapecheck.reference_commands")

    @click.command()
    @click.argument("sizes", nargs=-1)
    def shapes(sizes: tuple[str, ...]) -> None:
        """Show shapes."""
        click.echo(" ".join(sizes))

    module.shapes_command = shapes
    monkeypatch.setitem(sys.modules, "shapecheck.reference_commands", module)
    assert call(capsys, "shapes", "2", "5", "1") == (0, "2 5 1\n", "")
    status, _, err = call(capsys, "nets")
    assert status == 2
    assert "nets_command" in err
