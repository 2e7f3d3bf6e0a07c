"""The report is right however pytest is called; repairs are not looked for here."""

from __future__ import annotations

import importlib.util
from xml.etree import ElementTree

import pytest

from .conftest import CRASHING

TESTS = """\
import numpy as np
from net import backward, parameters


def test_first():
    backward(parameters(), np.zeros((5, 3)), np.zeros((5, 2)))


def test_second():
    backward(parameters(), np.zeros((5, 3)), np.zeros((5, 2)))


def test_passes():
    print("out")
"""
FAST = ("--shapecheck-trials=off", "-p", "no:randomly")


@pytest.fixture
def run(project):
    return project(net__py=CRASHING, test_net__py=TESTS)


#       id                    options                      explained, referred to, what else it must say
CALLS = [
    ("verbose", ["-vv"], 1, 1, "test_net.py::test_first FAILED"),
    ("in short", ["-q", "--tb=native", "--show-capture=no", "-x", "--shapecheck=frames"], 1, 0, "1 failed"),
]


@pytest.mark.parametrize(
    ("options", "explained", "referred", "said"), [c[1:] for c in CALLS], ids=[c[0] for c in CALLS]
)
def test_each_way_to_call_it(run, options, explained, referred, said):
    done = run(*options, *FAST)
    assert sum("error[SC101]" in section for section in done.sections) == explained
    assert sum("the same error as one that is explained" in section for section in done.sections) == referred
    assert said in done.text
    assert "ValueError: shapes (5,2) and (4,2) not aligned" in done.text


def test_nothing_is_run_again_for_a_report_that_is_not_shown(run):
    done = run("-q", "--tb=line", *FAST, SHAPECHECK_DEBUG="1")
    assert "shapecheck:" not in done.text
    assert "not explained" not in done.text
    assert "2 failed, 1 passed" in done.text


def test_what_goes_into_a_file_is_explained_all_the_same(run):
    done = run("-q", "--tb=no", "-x", "--junitxml=out.xml", *FAST)
    (failure,) = ElementTree.parse(done.folder / "out.xml").iter("failure")
    assert "error[SC101]" in (failure.text or "")
    assert "error[SC101]" not in done.text


def test_distributed_then_only_the_last_failures(run):
    done = run("-q", "-n", "2", *FAST)
    assert "2 failed, 1 passed" in done.text
    assert done.sections
    assert all("error[SC101]" in s or "the same error" in s for s in done.sections)
    assert len(done.sections) == 2
    again = run("-q", "--lf", "-x", "--shapecheck=frames")
    assert "1 failed" in again.text
    assert "error[SC101]" in again.sections[0]


def test_importlib_mode_in_a_src_layout_with_options_of_its_own(tmp_path, project):
    run = project(
        pyproject__toml="""\
        [tool.pytest.ini_options]
        addopts = "--import-mode=importlib --strict-markers --strict-config --needed=yes"
        pythonpath = ["src"]
        filterwarnings = ["error"]
        shapecheck_trials = "off"
        """
    )
    for folder in ("src", "tests", "tests/inner"):
        (tmp_path / folder).mkdir()
    (tmp_path / "src" / "net.py").write_text(CRASHING)
    (tmp_path / "tests" / "conftest.py").write_text(
        "import pytest\n"
        "def pytest_addoption(parser):\n    parser.addoption('--needed')\n"
        "@pytest.fixture\ndef needed(request):\n    assert request.config.getoption('--needed') == 'yes'\n"
    )
    inner = (
        TESTS.replace("test_second():", "test_second(needed):")
        .replace("(5, ", "(6, ")
        .replace("def test_first", "def _")
    )
    (tmp_path / "tests" / "inner" / "test_net.py").write_text(inner)
    done = run("-q", "-W", "error")
    (section,) = done.sections
    assert section.startswith("shapecheck: tests/inner/test_net.py::test_second, 2 layers")
    assert "src/net.py:16:" in section


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("coverage") is None, reason="coverage is not installed")
def test_coverage_counts_the_users_run_and_no_other(tmp_path, project):
    import subprocess
    import sys

    project(net__py=CRASHING, test_net__py=TESTS)
    command = [sys.executable, "-m", "coverage", "run", "--source=.", "-m", "pytest", "-q", "-x", *FAST]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False)
    assert "error[SC101]" in done.stdout
    assert [path.name for path in tmp_path.glob(".coverage*")] == [".coverage"]
