"""A failed check names the expression that is wrong, in every organisation of code, and leaves everything as it was."""

from __future__ import annotations

import importlib.util
import itertools
import sys
from pathlib import Path

import numpy as np
import pytest

from shapecheck import GradientMismatchError, assert_gradients, gradcheck, verify
from shapecheck.trace.live import CannotRecordError, exchanged

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
    return imported(folder, text)


def imported(folder, text):
    """A text as a module of its own."""
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
     "self.activations[-1] - y", "self.activations[-1] * (1 - self.activations[-1]), is missing"),
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


IDS = [case[0] for case in WRONG]
# What each edit makes of the line; the others are found by chance of the machine's speed, or not at all.
MENDED = {
    "slope of another activation": 'dZ1 = np.dot(params["W2"].T, dZ2) * (1 - A1 ** 2)',
    "slope left out": "dZ2 = dA2 * A2 * (1 - A2)",
    "transpose of a square matrix": 'dZ1 = np.dot(params["W2"].T, dZ2) * (1 - np.power(A1, 2))',
    "value of the next layer": "dW2 = np.dot(dZ2, A1.T) / m",
    "mean left out": "dW2 = np.dot(dZ2, A1.T) / m",
    "sign": "dZ3 = A3 - Y",
    "another value in the cache": 'cache = {"Z1": Z1, "A1": A1, "Z2": Z2, "A2": A2, "A3": A3}',
    "slope function wrong": "return s * (1 - s)",
    "bias gradient a mean": "self.db[-l] = delta.sum(axis=1, keepdims=True)",
    "layer's slope": "slope = 1 - self.out ** 2",
    "layer's bias": "self.db = dout.sum(axis=0)",
    "transpose through time": "dh = Wh.T @ dz",
    "wrong operand, given as a function": 'return {"W1": dz @ X.T, "W2": d @ hidden.T}',
}


@pytest.mark.parametrize(("program", "old", "new", "source", "words"), [case[1:] for case in WRONG], ids=IDS)
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
    case = next(case for case in WRONG if case[1:] == (program, old, new, source, words))
    if case[0] in MENDED:
        assert origin.mend is not None
        assert [text.strip() for _, text in origin.mend.after] == [MENDED[case[0]]]
    if origin.mend is not None:
        check_the_edit(tmp_path, module, report)


def check_the_edit(folder, module, report):
    """With the edits made the program runs, and its check passes."""
    text = Path(module.__file__).read_text()
    edits = [edit for origin in report.origins for edit in origin.mend.edits]
    lines = text.splitlines(keepends=True)
    starts = [0, *itertools.accumulate(map(len, lines))]
    for _, line, column, end_line, end_column, new in sorted(edits, key=lambda e: (-e[1], -e[2])):
        text = text[: starts[line - 1] + column - 1] + new + text[starts[end_line - 1] + end_column - 1 :]
    PROGRAMS["mended"] = text
    load(folder, "mended").run()


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_right_program_is_left_in_peace(tmp_path, program):
    load(tmp_path, program).run()


# -- what it leaves behind ---------------------------------------------------------------------------------------------


def frozen(thing, depth=0):
    """All that can be seen of an object, arrays by their bits."""
    if isinstance(thing, np.ndarray):
        return thing.dtype.str, thing.shape, thing.tobytes()
    if isinstance(thing, dict):
        return {key: frozen(value, depth + 1) for key, value in thing.items() if not str(key).startswith("__")}
    if isinstance(thing, list | tuple):
        return [frozen(value, depth + 1) for value in thing]
    if type(thing).__module__.startswith("wrong_program_") and depth < 4:
        return frozen(vars(thing), depth + 1)
    return thing if isinstance(thing, int | float | str) else type(thing).__name__


@pytest.mark.parametrize("program", ["functions", "network", "layers", "recurrent", "given"])
def test_everything_is_as_an_unchecked_call_leaves_it(tmp_path, monkeypatch, program):
    old, new = {
        "functions": ("(1 - np.power(A1, 2))", "A1"),
        "network": (" * sigmoid_prime(self.zs[-1])", ""),
        "layers": ("1 - self.out**2", "self.out"),
        "recurrent": ("Wh.T @ dz", "Wh @ dz"),
        "given": ("* (z > 0)", "* 1"),
    }[program]
    module = load(tmp_path, program, old, new)
    functions = {n: f for n, f in vars(module).items() if callable(f) and hasattr(f, "__code__")}
    for cls in [c for c in vars(module).values() if isinstance(c, type) and c.__module__ == module.__name__]:
        functions.update({f"{cls.__name__}.{n}": f for n, f in vars(cls).items() if hasattr(f, "__code__")})
    plain = {name: getattr(f, "__wrapped__", f) for name, f in functions.items()}
    codes = {name: f.__code__ for name, f in plain.items()}
    kept = []
    if program == "network":  # the object that is checked is made in the run
        made = module.Network.__init__
        monkeypatch.setattr(module.Network, "__init__", lambda self, sizes: (made(self, sizes), kept.append(self))[0])
    np.random.seed(3)
    draws, before = np.random.get_state()[1].tobytes(), frozen(vars(module))
    failure(module)
    assert np.random.get_state()[1].tobytes() == draws
    assert frozen(vars(module)) == before
    assert {name: f.__code__ for name, f in plain.items()} == codes
    assert all(f.__code__ is codes[name] for name, f in plain.items())
    if kept:
        twin = object.__new__(module.Network)
        made(twin, [3, 5, 5, 1])
        module.Network.backprop.__wrapped__(twin, module.X, module.Y)
        assert frozen(vars(kept[0])) == frozen(vars(twin))


def stopped(error, function, other):
    """Raise while a function runs another's code."""
    with exchanged({function: other.__code__}):
        assert function() == other()
        raise error


def test_code_is_put_back_whatever_ends_the_block():
    def one():
        return 1

    def two():
        return 2

    own = one.__code__
    for error in (ValueError, KeyboardInterrupt, SystemExit):
        with pytest.raises(error):
            stopped(error, one, two)
        assert one.__code__ is own
    with exchanged({one: two.__code__}), pytest.raises(CannotRecordError), exchanged({two: own}):
        pass
    assert (one(), two()) == (1, 2)


# -- where nothing can be said -----------------------------------------------------------------------------------------

FUNCTIONS = """
import numpy as np
x = np.linspace(-1.0, 1.0, 12).reshape(4, 3)
w = {"w": np.linspace(0.2, 1.0, 6).reshape(3, 2)}
def loss():
    return np.sum(np.tanh(x @ w["w"]) ** 2)
def gradients():
    a = np.tanh(x @ w["w"])
    return {"w": x.T @ (2 * a * a * (1 - a))}
"""


def test_without_a_source_nothing_is_said_of_lines():
    space = {"__name__": "__main__"}
    exec(compile(FUNCTIONS, "<string>", "exec"), space)
    report = gradcheck(space["loss"], space["w"], space["gradients"], seed=0)
    assert report.wrong()
    assert report.origins == ()


def test_of_gradients_that_are_arrays_nothing_is_said_of_lines(tmp_path):
    module = load(tmp_path, "given", "* (z > 0)", "* 1")
    report = gradcheck(module.loss, module.W, module.gradients(), seed=0)
    assert report.wrong()
    assert report.origins == ()


def test_a_file_that_was_edited_since_is_not_quoted(tmp_path):
    module = load(tmp_path, "given", "* (z > 0)", "* 1")
    path = Path(module.__file__)
    path.write_text(path.read_text().replace("d @ hidden.T", "d @ hidden.T * 1.5"))
    report = gradcheck(module.loss, module.W, module.gradients, seed=0)
    assert [row.name for row in report.wrong()] == ["W1"]
    assert report.origins == ()


def test_a_cell_of_a_notebook_is_quoted(monkeypatch):
    """As IPython enters its cells' sources."""
    import linecache

    name = "<ipython-input-7-0123456789ab>"
    monkeypatch.setitem(linecache.cache, name, (len(FUNCTIONS), None, FUNCTIONS.splitlines(keepends=True), name))
    space = {"__name__": "__main__"}
    exec(compile(FUNCTIONS, name, "exec"), space)
    (origin,) = gradcheck(space["loss"], space["w"], space["gradients"], seed=0).origins
    assert (origin.path, origin.line, origin.source) == (name, 9, "2 * a * a * (1 - a)")
    assert "`a` is tanh: its slope is 1 - a**2" in origin.explanation


def test_a_fault_in_finding_the_line_costs_the_line_only(tmp_path, monkeypatch):
    import shapecheck.verification.lines

    monkeypatch.delenv("SHAPECHECK_DEBUG", raising=False)
    monkeypatch.setattr(shapecheck.verification.lines, "accuse", lambda *_: 1 / 0)
    report = failure(load(tmp_path, "functions", "dZ3 = A3 - Y", "dZ3 = Y - A3")).report
    assert report.wrong()
    assert report.origins == ()


def test_a_check_that_passes_traces_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("shapecheck.trace.live.LiveRecording.__init__", lambda *_: pytest.fail("traced"))
    load(tmp_path, "functions").run()
    load(tmp_path, "given").run()


# -- how it is shown ---------------------------------------------------------------------------------------------------


def test_how_it_is_shown(tmp_path):
    module = load(tmp_path, "layers", "1 - self.out**2", "self.out * (1 - self.out)")
    error = failure(module)
    name = Path(module.__file__).name
    assert str(error).startswith("the gradient of `x` is wrong: off by ")
    shown = f"""
  line    {name}:43, in `Tanh.backward`

          slope = self.out * (1 - self.out)
                  ^^^^^^^^^^^^^^^^^^^^^^^^^

  cause   `dout * slope` should be the derivative of the loss by `x`; `self.out` is tanh: its slope is \
1 - self.out**2; self.out * (1 - self.out) is the slope of a sigmoid
  help    use the slope of tanh, `1 - self.out ** 2`
          - slope = self.out * (1 - self.out)
          + slope = 1 - self.out ** 2
          tried: the gradient of `x` matches the numeric one
"""
    assert shown in str(error)
    (origin,) = error.report.to_dict()["origins"]
    assert {k: origin[k] for k in ("path", "line", "column", "end_line", "end_column", "source")} == {
        "path": module.__file__,
        "line": 43,
        "column": 17,
        "end_line": 43,
        "end_column": 42,
        "source": "self.out * (1 - self.out)",
    }
    assert origin["fix"]["edits"][0]["replacement"] == "1 - self.out ** 2"
    page = error.report._repr_html_()
    assert f"{name}:43" in page
    assert "slope = 1 - self.out ** 2" in page


def test_assert_gradients_names_the_line():
    x, w = np.linspace(-1.0, 1.0, 12).reshape(4, 3), {"w": np.linspace(0.2, 1.0, 6).reshape(3, 2)}

    def forward(w):
        return np.tanh(x @ w)

    def backward(w):
        return {"w": x.T @ (1 + forward(w) ** 2)}

    with pytest.raises(GradientMismatchError) as caught:
        assert_gradients(forward, w, backward, cotangent=np.ones((4, 2)), seed=0)
    (origin,) = caught.value.report.origins
    assert origin.path == __file__
    assert origin.source == "1 + forward(w) ** 2"
    assert origin.mend is not None
    assert origin.mend.after[0][0] == origin.line


def test_verify_without_decorator_syntax_names_the_line():
    x = np.linspace(-1.0, 1.0, 12).reshape(4, 3)

    def cost(w):
        return np.sum((x @ w) ** 2)

    def backward(w):
        d = 2 * (x @ w)
        return (x + 1).T @ d

    with pytest.raises(GradientMismatchError) as caught:
        verify(backward, loss=cost, seed=0)(np.linspace(0.2, 1.0, 6).reshape(3, 2))
    (origin,) = caught.value.report.origins
    assert origin.source == "(x + 1).T @ d"


#    id, what is done to the right gradients, as a line of the function, and what mends it
AFTERWARDS = [
    ("one small entry of many", 'g["W"][2, 1] *= 1 + 2e-4', None),
    ("masked", 'g["W"][g["W"] > 0.01] = 0', None),
    ("changed where nothing is seen", 'memoryview(g["W"])[1, 2] = 9.0', ""),
    ("clipped", 'g["W"] = np.clip(g["W"], -0.01, 0.01)', 'g["W"] = g["W"]'),
    ("written over", 'np.multiply(g["W"], 2, out=g["W"])', 'np.multiply(g["W"] / 2, 2, out=g["W"])'),
]


@pytest.mark.parametrize(("line", "mended"), [c[1:] for c in AFTERWARDS], ids=[c[0] for c in AFTERWARDS])
def test_what_was_right_before_it_was_changed_is_not_blamed(tmp_path, line, mended):
    text = f"""
import numpy as np
rng = np.random.default_rng(3)
X, Y = rng.normal(size=(30, 6)), rng.normal(size=(30, 3))
P = {{"W": rng.normal(size=(6, 6)) / 3, "V": rng.normal(size=(6, 3))}}
def loss(P): return np.sum((np.tanh(X @ P["W"]) @ P["V"] - Y) ** 2) / 60
def grads(P):
    h = np.tanh(X @ P["W"])
    d = (h @ P["V"] - Y) / 30
    g = {{"W": X.T @ (d @ P["V"].T * (1 - h**2)), "V": h.T @ d}}
    {line}
    return g
"""
    module = imported(tmp_path, text)
    report = gradcheck(module.loss, module.P, module.grads, seed=2)
    assert [o.line for o in report.origins] == ([] if mended == "" else [11]), [
        (o.source, o.explanation) for o in report.origins
    ]
    if mended:
        assert report.origins[0].mend.after[0][1].strip() == mended


SOFTMAX = """
import numpy as np
rng = np.random.default_rng(1)
X, T, P = rng.normal(size=(9, 5)), np.eye(4)[rng.integers(0, 4, 9)], {"V": rng.normal(size=(5, 4))}
def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)
def loss(P): return LOSS
def slope(p): return p * (1 - p)
def grads(P):
    p = softmax(X @ P["V"])
    dp = DP
    dz = dp * SLOPE
    return {"V": X.T @ dz}
"""
CROSS_ENTROPY = ("-np.mean(np.sum(T * np.log(softmax(X @ P['V'])), axis=1))", "-T / p / len(X)")
SQUARES = ("np.mean(np.sum((softmax(X @ P['V']) - T) ** 2, axis=1))", "2 * (p - T) / len(X)")


@pytest.mark.parametrize(("cost", "dp"), [CROSS_ENTROPY, SQUARES], ids=["cross-entropy", "squares"])
@pytest.mark.parametrize("slope", ["p * (1 - p)", "slope(p)"])
def test_a_softmax_is_not_called_a_sigmoid(tmp_path, cost, dp, slope):
    text = SOFTMAX.replace("LOSS", cost).replace("DP", dp).replace("SLOPE", slope)
    module = imported(tmp_path, text)
    (origin,) = gradcheck(module.loss, module.P, module.grads, seed=2).origins
    assert "`p` is a softmax" in origin.explanation
    if slope != "slope(p)":
        assert origin.mend.after[0][1].strip() == "dz = p * (dp - np.sum(dp * p, axis=1, keepdims=True))"


def test_a_softmax_whose_slope_is_in_the_difference_already(tmp_path):
    text = SOFTMAX.replace("LOSS", CROSS_ENTROPY[0]).replace("DP", "(p - T) / len(X)").replace("SLOPE", "p * (1 - p)")
    module = imported(tmp_path, text)
    (origin,) = gradcheck(module.loss, module.P, module.grads, seed=2).origins
    assert "the factor p * (1 - p) is in it once too often" in origin.explanation
    assert origin.mend.after[0][1].strip() == "dz = dp"
