"""What the section of a failed test says: cause, trail and a repair that was proven by the test's own checks."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import CRASHING, KEEPING, NET, WRONG

CASES = Path(__file__).parents[2] / "cases"
GRADIENTS = """\
import numpy as np
from net import backward, loss, parameters
from shapecheck import assert_gradients


def test_gradients():
    params, rng = parameters(), np.random.default_rng(0)
    X, Y = rng.normal(size=(6, 3)), rng.normal(size=(6, 2))
    grads = backward(params, X, Y)
    assert_gradients(lambda: loss(params, X, Y), params, grads)
"""


def test_a_shape_error_is_repaired_and_the_test_is_the_proof(project):
    done = project(net__py=CRASHING, test_net__py=GRADIENTS)("-q", "--tb=short")
    (section,) = done.sections
    assert "error[SC101]: layer 2" in section
    assert '+     dZ1 = np.dot(dout, params["W2"].T) * (1 - A1**2)' in section
    assert "= verified: the test passes; the gradients of W1, b1, W2, b2 match numeric" in section
    assert "--fix" not in section
    assert "--diff" not in section
    assert section.endswith("more about it: python -m shapecheck explain SC101")


def test_a_report_that_is_asserted_is_a_failed_gradient_too(project):
    test = GRADIENTS.replace("import assert_gradients", "import gradcheck").replace(
        "assert_gradients(lambda: loss(params, X, Y), params, grads)",
        "report = gradcheck(lambda: loss(params, X, Y), params, grads)\n    assert report.ok",
    )
    done = project(net__py=WRONG, test_net__py=test)("-q", "--shapecheck-trials=off")
    (section,) = done.sections
    assert "error[SC3" in section
    assert "net.py:16:" in section


@pytest.mark.slow
def test_the_tests_themselves_are_never_edited(project):
    test = GRADIENTS.replace("grads = backward(params, X, Y)", "grads = backward(params, X, Y)\n    grads['W1'] *= 2")
    done = project(net__py=WRONG.replace("(1 - A1)", "(1 - A1**2)"), test_net__py=test)("-q", "--shapecheck-timeout=8")
    assert "GradientMismatchError" in done.text
    assert not re.search(r"^\d+ [+-] ", "".join(done.sections), re.MULTILINE)


CALLED = """\
import unittest

import numpy as np
from net import backward, parameters
from shapecheck import assert_shapes

X, Y = np.ones((6, 3)), np.zeros((6, 2))


class Old(unittest.TestCase):
    def test_equal(self):
        self.assertEqual(backward(parameters(), X, Y)["b1"].shape, (4,))


def test_numpys():
    np.testing.assert_allclose(backward(parameters(), X, Y)["b1"], np.zeros(4))


def test_ours():
    grads = backward(parameters(), X, Y)
    assert_shapes(X, "batch inputs", grads["W1"], "inputs hidden", grads["b1"], "hidden")

"""


def test_shapes_that_a_called_assertion_refuses(project):
    net = NET.replace("dZ1.sum(axis=0)", "dZ1.sum(axis=1)")
    done = project(net__py=net, test_net__py=CALLED, conftest__py=KEEPING)("-q", "--shapecheck-trials=off")
    found = {
        name.rpartition("::")[2]: [(o["source"].partition("(")[0], o["shape"]) for o in finding["operands"]]
        for name, report in done.data().items()
        for finding in report["findings"]
        if finding["code"] == "SC110"
    }
    assert found == {
        "test_equal": [("backward", [6]), ("", [4])],
        "test_numpys": [("backward", [6]), ("np.zeros", [4])],
        "test_ours": [('grads["b1"]', [6])],
    }


def test_a_file_that_cannot_be_imported_is_explained(project):
    test = "import numpy as np\n\nX = np.ones((3, 2))\nW = np.ones((3, 2))\nY = X.dot(W)\n\ndef test_y():\n    pass\n"
    done = project(test_net__py=test)("-q", "--shapecheck-trials=off")
    (section,) = done.sections
    assert "error[SC101]" in section
    assert "test_net.py:5:5" in section
    assert "1 error" in done.text


@pytest.mark.slow
@pytest.mark.parametrize(
    "case",
    [
        "crash-multiply-where-product-belongs",
        pytest.param("crash-mlp-returns-its-input", marks=pytest.mark.corpus),
    ],
)
def test_a_test_says_what_the_command_says(project, case):
    script = (CASES / case / "script.py").read_text(encoding="utf-8")
    run = project(script__py=script, test_it__py="def test_it():\n    import script\n", conftest__py=KEEPING)
    done = run("-q", "--shapecheck-timeout=60", "--shapecheck-budget=200")
    command = [sys.executable, "-m", "shapecheck", "diagnose", "--format", "json", "script.py"]
    said = subprocess.run(command, cwd=done.folder, capture_output=True, text=True, timeout=200, check=False)
    (expected,) = json.loads(said.stdout)["findings"]
    (found,) = done.data()["test_it.py::test_it"]["findings"]
    for finding in (expected, found):
        for fix in finding["fixes"]:
            fix.pop("evidence")
    assert [found[name] for name in ("code", "title", "cause", "location", "operands", "trail")] == [
        expected[name] for name in ("code", "title", "cause", "location", "operands", "trail")
    ]
    assert found["fixes"][0]["edits"] == expected["fixes"][0]["edits"]
