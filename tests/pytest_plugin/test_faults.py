"""Whatever breaks in the plugin, the user's failure is reported as it is."""

from __future__ import annotations

import pytest

from .conftest import CRASHING

TEST = """\
import numpy as np
from net import backward, parameters


def test_it():
    backward(parameters(), np.zeros((5, 3)), np.zeros((5, 2)))
"""
PLAIN = "ValueError: shapes (5,2) and (4,2) not aligned: 2 (dim 1) != 4 (dim 0)"

#        id                                  conftest.py                                        what our section says
FAULTS = [
    (
        "what is asked cannot be written down",
        (
            "import shapecheck.pytest_plugin.physician as p\n"
            "def broken(*_):\n    raise ZeroDivisionError('of ours')\n"
            "p.Physician._program = broken\n"
        ),
        "not explained: shapecheck failed (ZeroDivisionError: of ours at conftest.py:3)",
    ),
    (
        "the failure cannot be described",
        "import shapecheck.pytest_plugin.failure as f\nf.failure_of = None\n",
        "not explained: shapecheck failed (TypeError",
    ),
    (
        "the process cannot be started",
        "import sys\nsys.executable = '/nowhere/python'\n",
        "not explained: shapecheck failed (FileNotFoundError",
    ),
    (
        "the process dies",
        "import shapecheck.pytest_plugin.physician as p\np._BOOT = 'import os; os.abort()'\n",
        "not traced: shapecheck failed; SHAPECHECK_DEBUG=1 shows where",
    ),
    (
        "the process never answers",
        "import shapecheck.pytest_plugin.physician as p\np._BOOT = 'import time; time.sleep(60)'\n",
        "not traced: that would have taken longer than 3 s",
    ),
    (
        "the section cannot be added",
        (
            "import shapecheck.pytest_plugin.physician as p\n"
            "def broken(*_):\n    raise RuntimeError('full')\n"
            "p.add_section = broken\np._BOOT = 'import os; os.abort()'\n"
        ),
        "not explained: shapecheck failed (RuntimeError: full",
    ),
]


@pytest.mark.parametrize(("conftest", "said"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS])
def test_a_fault_of_ours_hides_nothing(project, conftest, said):
    done = project(net__py=CRASHING, test_net__py=TEST, conftest__py=conftest)("-q", "--shapecheck-timeout=3")
    assert PLAIN in done.text
    assert "1 failed" in done.text
    assert "INTERNALERROR" not in done.text
    (section,) = done.sections
    if said.startswith("not traced"):  # then the frames still tell something
        assert section.startswith("error[SC101]: this matrix product does not fit\n  --> net.py:16:11")
        assert section.endswith(said)
    else:
        assert section.startswith(said)


def test_ctrl_c_while_something_is_explained_still_reports_the_failure(project):
    conftest = (
        "import shapecheck.pytest_plugin.physician as p\n"
        "def broken(*_):\n    raise KeyboardInterrupt\n"
        "p.Physician._examined = broken\n"
    )
    test = TEST + "\n\ndef test_after():\n    pass\n"
    done = project(net__py=CRASHING, test_net__py=test, conftest__py=conftest)("-q")
    assert PLAIN in done.text
    assert done.sections == ["not explained: interrupted"]
    assert "interrupted while a failure was being explained" in done.text
    assert "passed" not in done.text


def test_a_test_is_not_timed_while_it_is_explained(project):
    conftest = """
        import types
        import pytest

        class Specification:
            @pytest.hookspec(firstresult=True)
            def pytest_timeout_cancel_timer(item):
                pass

        def pytest_addhooks(pluginmanager):
            pluginmanager.add_hookspecs(Specification)

        def pytest_timeout_cancel_timer(item):
            print("stopped for", item.name)
            return True
        """
    done = project(net__py=CRASHING, test_net__py=TEST, conftest__py=conftest)("-q", "-s", "--shapecheck-trials=off")
    assert "stopped for test_it" in done.text
    assert "error[SC101]" in done.sections[0]
