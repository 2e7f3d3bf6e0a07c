"""A failed check names the expression that is wrong, in every organisation of code, and leaves everything as it was."""

from __future__ import annotations

import importlib.util
import itertools
import sys
from pathlib import Path

import numpy as np
import pytest

from shapecheck import GradientMismatchError, GradientReport, gradcheck

_numbers = itertools.count()


def _sibling(name):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PROGRAMS = _sibling("wrong_programs").PROGRAMS


def load(folder, program, old="", new="", among=""):
    """A program as a module of its own, with one mistake made: in the line that has `among`, or everywhere."""
    text = PROGRAMS[program]
    if old:
        assert text.count(old) == 1 or among, f"{old!r} is in it {text.count(old)} times"
        line = next(line for line in text.splitlines() if old in line and among in line)
        text = text.replace(line, line.replace(old, new, 1))
    name = f"wrong_program_{next(_numbers)}"
    path = folder / f"{name}.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def failure(module):
    """What the run of a wrong program raises."""
    with pytest.raises(GradientMismatchError) as caught:
        module.run()
    return caught.value


# id, program, what stands there, what is made of it, (the expression to be named,) words of the explanation
WRONG = [
    ("slope of another activation", "functions", "(1 - np.power(A1, 2))", "A1 * (1 - A1)",
     'np.dot(params["W2"].T, dZ2) * A1 * (1 - A1)',
     "`A1` is tanh: its slope is 1 - A1**2; A1 * (1 - A1) is the slope of a sigmoid"),
    ("slope of another layer", "functions", "dA2 * A2 * (1 - A2)", "dA2 * A1 * (1 - A1)",
     "dA2 * A1 * (1 - A1)", "`A2` is a sigmoid: its slope is A2 * (1 - A2); here stands the slope of `A1`"),
    ("slope left out", "functions", "dZ2 = dA2 * A2 * (1 - A2)", "dZ2 = dA2",
     "dZ2", "the slope of the sigmoid, A2 * (1 - A2), is missing"),
    ("slope as a factor of its own", "functions", "dA2 * A2 * (1 - A2)", "dA2 * (1 - A2**2)",
     "1 - A2**2", "`A2` is a sigmoid: its slope is A2 * (1 - A2); 1 - A2**2 is the slope of tanh"),
    ("slope at the argument", "functions", "(1 - np.power(A1, 2))", '(1 - np.power(cache["Z1"], 2))',
     'np.dot(params["W2"].T, dZ2) * (1 - np.power(cache["Z1"], 2))', '`cache["Z1"]` is what goes into the tanh'),
    ("transpose of a square matrix", "functions", 'params["W2"].T, dZ2', 'params["W2"], dZ2',
     'np.dot(params["W2"], dZ2)', '`params["W2"]` has to be transposed here'),
    ("value of the next layer", "functions", "dZ2, A1.T", "dZ2, A2.T",
     "np.dot(dZ2, A2.T)", "`A1` belongs where `A2` is"),
    ("mean left out", "functions", "np.dot(dZ2, A1.T) / m", "np.dot(dZ2, A1.T)",
     "np.dot(dZ2, A1.T)", "this should be 1/7 times what it is; 7 is the length of axis 1 of"),
    ("sign", "functions", "dZ3 = A3 - Y", "dZ3 = Y - A3",
     "Y - A3", "this is minus the derivative of the loss by `Z3`"),
    ("penalty left out", "functions", ' + lam / m * params["W3"]', "",
     "np.dot(dZ3, A2.T)", 'a penalty on `params["W3"]`, whose derivative, 0.0428571 * params["W3"], is missing'),
    ("penalty not divided", "functions", 'lam / m * params["W3"]', 'lam * params["W3"]',
     'np.dot(dZ3, A2.T) / m + lam * params["W3"]', "adds 0.0428571 * params"),
    ("another value in the cache", "functions", '"A1": A1,', '"A1": Z1,',
     "Z1", "under the name `A1` another value is kept here"),
    ("its neighbour in the cache", "functions", '"A2": A2, ', '"A2": A1, ',
     "A1", "under the name `A2` another value is kept here"),
    ("slope function given the result", "network", "sigmoid_prime(self.zs[-1])", "sigmoid_prime(self.activations[-1])",
     "(self.activations[-1] - y) * sigmoid_prime(self.activations[-1])", "as if `self.activations[-1]` were what goes"),
    ("slope function wrong", "network", "s * (1 - s)", "1 - s * s",
     "1 - s * s", "is a sigmoid"),
    ("output slope left out", "network", " * sigmoid_prime(self.zs[-1])", "",
     "self.activations[-1] - y", "the slope of the sigmoid, self.activations[-1] * (1 - self.activations[-1]), is missing"),
    ("bias gradient a mean", "network", "self.db[-l] = delta.sum", "self.db[-l] = delta.mean",
     "delta.mean(axis=1, keepdims=True)", "this should be 7 times what it is: a mean stands where the sum belongs"),
    ("layer's slope", "layers", "1 - self.out**2", "self.out * (1 - self.out)",
     "self.out * (1 - self.out)", "`self.out` is tanh: its slope is 1 - self.out**2"),
    ("layer's bias", "layers", "dout.sum(axis=0)", "dout.mean(axis=0)",
     "dout.mean(axis=0)", "this should be 7 times what it is"),
    ("power in a batch norm", "pair", "inv**3", "inv**2",
     "np.sum(dxhat * xc, axis=0) * -0.5 * inv**2", "should be the derivative of the loss by `var`"),
    ("scale of a batch norm", "pair", "np.sum(dout * xhat, axis=0)", "np.sum(dout * xc, axis=0)",
     "np.sum(dout * xc, axis=0)", "the derivative of the loss by `gamma`"),
    ("penalty left out beside a loss", "loss and gradient", " + 2 * reg * W", "",
     "X.T @ dscores", "the loss has a penalty on `W`, whose derivative, 1 * W, is missing"),
    ("half of a penalty", "loss and gradient", "2 * reg * W", "reg * W",
     "X.T @ dscores + reg * W", "adds 1 * W to it, and here 0.5 * W"),
    ("all rows for each", "loss and gradient", "dscores[np.arange(n), y] -= 1", "dscores[:, y] -= 1",
     "dscores[:, y] -= 1", "should be the derivative of the loss by `scores`"),
    ("unrolled slope", "unrolled", "(1 - a * a)", "a * (1 - a)",
     "(T2.T @ d2) * a * (1 - a)", "`a` is tanh: its slope is 1 - a**2"),
    ("unrolled factor", "unrolled", "T2.T @ d2", "T2.T @ d2 * 2",
     "T2.T @ d2 * 2", "this should be 1/2 times what it is"),
    ("applied slope", "applied", "* hidden * (1 - hidden)", "* (1 - hidden**2)",
     "1 - hidden**2", "`hidden` is a sigmoid: its slope is hidden * (1 - hidden)"),
    ("applied without the output's slope", "applied", "(out - y) * out * (1 - out)", "(out - y)",
     "out - y", "the slope of the sigmoid, out * (1 - out), is missing"),
    ("transpose through time", "recurrent", "Wh.T @ dz", "Wh @ dz",
     "Wh @ dz", "has to be transposed here"),
    ("slope through time", "recurrent", "(1 - hs[t] ** 2)", "hs[t] * (1 - hs[t])",
     "dh * hs[t] * (1 - hs[t])", "should be the derivative of the loss by"),
    ("set and not added", "recurrent", "dWx += np.outer", "dWx = np.outer",
     "np.outer(dz, xs[t])", "each turn of the loop replaces what the one before gave"),
    ("relu's slope, given as a function", "given", "* (z > 0)", "* 1",
     'W["W2"].T @ d', "the slope of the relu, z > 0, is missing"),
    ("wrong operand, given as a function", "given", "d @ hidden.T", "d @ z.T",
     "d @ z.T", "`hidden` belongs where `z` is"),
]  # fmt: skip


@pytest.mark.parametrize(("program", "old", "new", "source", "words"), [c[1:] for c in WRONG], ids=[c[0] for c in WRONG])
def test_the_wrong_expression_is_named(tmp_path, program, old, new, source, words):
    module = load(tmp_path, program, old, new)
    report = failure(module).report
    origin = report.origins[0]
    lines = Path(module.__file__).read_text().splitlines()
    assert origin.path == module.__file__
    # What is to be edited may be the line before the one that was edited here, as for a name given to something else.
    assert lines[origin.line - 1] != PROGRAMS[program].splitlines()[origin.line - 1]
    assert lines[origin.line - 1][origin.column - 1 : origin.end_column - 1] == origin.source == source
    assert words in origin.explanation
    assert set(origin.parameters) <= {row.name for row in report.wrong()}


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_right_program_is_left_in_peace(tmp_path, program):
    load(tmp_path, program).run()
