"""When nothing is run again, when a second run is broken off, and what is said of it."""

from __future__ import annotations

import pytest

from .conftest import CRASHING

HEAD = """\
import os
import subprocess
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from net import backward, parameters


def die(batch):
    backward(parameters(), np.zeros((batch, 3)), np.zeros((batch, 2)))


"""
COUNTING = """\
def count():
    with open("runs.txt", "a") as file:
        file.write("run\\n")
"""
TESTS = f"""{HEAD}
def test_writes():
    with open("runs.txt", "a") as file:
        file.write("run\\n")
    die(5)


def test_starts_a_process():
    subprocess.run(["true"], check=True)
    die(6)


done = Path("done.txt")


def test_only_the_first_time():
    if not done.exists():
        done.write_text("x")
        die(7)
    die_not = 1


@pytest.mark.shapecheck(rerun=False)
def test_marked():
    with open("runs.txt", "a") as file:
        file.write("run\\n")
    die(8)


@pytest.mark.xfail
def test_expected():
    die(9)


@pytest.mark.xfail(raises=KeyError)
def test_otherwise_expected():
    with pytest.raises(ValueError):
        die(10)


def test_unrelated():
    int("the shape of a word")


class Gone(Exception):
    def __str__(self):
        raise RuntimeError("no text")


def test_has_no_text():
    raise Gone
"""


def test_a_second_run_touches_nothing(project):
    done = project(net__py=CRASHING, test_net__py=TESTS)("-q", "--tb=short", "--shapecheck-trials=off")
    assert (done.folder / "runs.txt").read_text() == "run\nrun\n"
    said = [section.rpartition("\n\n")[2].replace("\n", " ") for section in done.sections]
    assert "not traced: a second run may change nothing outside itself, and this test would (open)" in said[0]
    assert "and this test would (subprocess.Popen)" in said[1]
    assert said[2] == "not traced: run again by itself, the test passed; it may depend on tests before it, or on chance"
    assert said[3:] == ["more about it: python -m shapecheck explain SC101"]  # the marked one
    # What no second run can tell, the frames do.
    assert all(s.startswith("error[SC101]: this matrix product does not fit") for s in done.sections)
    assert "6 failed" in done.text
    assert "1 xfailed" in done.text


def test_a_second_run_that_does_not_end_is_ended(project):
    test = f"""{HEAD}
import sys


def test_it():
    while Path(sys.argv[0]).name == "second":
        pass
    die(5)
"""
    conftest = (
        "import shapecheck.pytest_plugin.rerun as r\n"
        "import dataclasses, shapecheck.pytest_plugin.physician as p\n"
        "program = p.Physician._program\n"
        "def slow(*given):\n"
        "    made = program(*given)\n"
        "    return dataclasses.replace(made, entry=dataclasses.replace(made.entry, arguments=('second',)))\n"
        "p.Physician._program = slow\n"
    )
    done = project(net__py=CRASHING, test_net__py=test, conftest__py=conftest)("-q", "--shapecheck-timeout=5")
    (section,) = done.sections
    assert section.startswith("error[SC101]: this matrix product does not fit")
    assert section.endswith("not traced: the second run had not ended after 2 s")


def test_frames_alone_if_that_is_wanted(project):
    test = f"{HEAD}def test_it(tmp_path):\n    Path('runs.txt').open('a').write('run')\n    die(5)\n"
    done = project(net__py=CRASHING, test_net__py=test)("-q", "--shapecheck=frames")
    assert (done.folder / "runs.txt").read_text() == "run"
    (section,) = done.sections
    assert '`dout` is (5, 2), `params["W2"]` is (4, 2)' in section


SWITCHES = [
    ("command line", ["--shapecheck=off"], {}),
    ("environment", [], {"SHAPECHECK": "off"}),
]


@pytest.mark.parametrize(("options", "environment"), [s[1:] for s in SWITCHES], ids=[s[0] for s in SWITCHES])
def test_it_can_be_switched_off(project, options, environment):
    done = project(net__py=CRASHING, test_net__py=HEAD + "def test_it():\n    die(5)\n")("-q", *options, **environment)
    assert done.sections == []
    assert "1 failed" in done.text
    assert "shapes (5,2) and (4,2) not aligned" in done.text


def test_what_the_budget_leaves_out_is_said(project):
    tests = f"{HEAD}@pytest.mark.parametrize('batch', [5, 6])\ndef test_it(batch):\n    die(batch)\n"
    done = project(net__py=CRASHING, test_net__py=tests)("-q", "--shapecheck-budget=0")
    assert len(done.sections) == 2
    for section in done.sections:
        words = " ".join(section.split())
        assert words.endswith(
            "not traced: the 0 s for explanations are used up (more with --shapecheck-budget=SECONDS)"
        )


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--shapecheck=perhaps", "it is on, frames or off"),
        ("--shapecheck-seed=-1", "a whole number"),
        ("--shapecheck-budget=x", "a number"),
    ],
)
def test_a_wrong_setting_is_said_at_once(project, option, said):
    done = project(test_it__py="def test_it():\n    pass\n")("-q", option)
    assert done.status == 4
    assert said in done.text


def test_checks_take_the_sessions_seed_and_tolerance(project):
    test = """\
        import numpy as np

        def test_seed(gradcheck):
            w = np.ones(3)
            assert gradcheck(lambda: np.sum(w**3), {"w": w}, {"w": 3 * w**2}).seed == 7

        def test_tolerance(gradcheck):
            w = np.ones(3)
            gradcheck(lambda: np.sum(w**3), {"w": w}, {"w": 3.001 * w**2})

        def test_its_own_goes_first(gradcheck):
            w = np.ones(3)
            assert gradcheck(lambda: np.sum(w**3), {"w": w}, {"w": 3.001 * w**2}, rtol=1e-2, seed=8).seed == 8
        """
    run = project(test_it__py=test)
    assert "3 passed" in run("-q", "--shapecheck-seed=7", "-o", "shapecheck_rtol=0.01").text
    assert "1 failed, 2 passed" in run("-q", "--shapecheck-seed=7", "--shapecheck=off").text
