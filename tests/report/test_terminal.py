"""Whole reports against golden files: what people read is read here too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from shapecheck.diagnose.finding import (
    Diagnosis,
    Finding,
    Fix,
    LayerSummary,
    LossSummary,
    NetworkSummary,
    Operand,
    ProgramOutcome,
    Span,
    TrailStep,
)
from shapecheck.report.terminal import render_terminal

Write = Callable[..., Any]

BACKPROP = """\
import numpy as np


class Net:
    def forward(self, x):
        activations = [x]
        for W in self.weights:
            activations.append(sigmoid(W.T @ activations[-1]))
        return x

    def backward(self, delta):
        for i in reversed(range(2)):
            error = np.dot(delta, self.weights[i].T)
            delta = error * self.slope(i)

    def train(self, x, target):
        output = self.forward(x)
        delta = 2 * (target - output) / len(output)
        self.backward(delta)
"""

NETWORK = NetworkSummary(
    "single-sample",
    LossSummary(None, "the mean of (target - output)**2", inferred=True),
    (
        LayerSummary(1, ("weights[0]", "biases[0]"), ((2, 5), (5,)), "sigmoid"),
        LayerSummary(2, ("weights[1]", "biases[1]"), ((5, 1), (1,)), None),
    ),
)
CRASHED = ProgramOutcome("exception", ("ValueError", "shapes (2,) and (1,5) not aligned"), 0.4)
FINISHED = ProgramOutcome("finished", None, 1.25)


def diagnosis(*findings: Finding, **changes: Any) -> Diagnosis:
    plain = Diagnosis(
        "script.py", "findings" if findings else "clean", CRASHED if findings else FINISHED, None, findings
    )
    return replace(plain, **changes)


def plain_finding(location: Span, **changes: Any) -> Finding:
    finding = Finding("SC101", "error", "this matrix product does not fit", "", location, location)
    return replace(finding, **changes)


def backprop(write: Write) -> Diagnosis:
    source = write(BACKPROP)
    finding = Finding(
        code="SC101",
        severity="error",
        title="layer 2 (weights[1], 5 -> 1): this matrix product does not fit",
        message="delta is one number per output unit of layer 2: it should be (1,), and is (2,)",
        location=source.span("np.dot(delta, self.weights[i].T)"),
        cause=source.span("return x"),
        layer=2,
        parameters=("weights[1]",),
        operands=(
            Operand("delta", (2,), (1,), source.span("delta", nth=1)),
            Operand("self.weights[i].T", (1, 5), None, source.span("self.weights[i].T")),
        ),
        trail=(
            TrailStep(source.span("return x"), "the network's input is returned, no layer's result reaches it"),
            TrailStep(source.span("target - output"), "output is (2,), the target (1,): broadcast silently to (2,)"),
        ),
        fixes=(
            Fix(
                "return the last layer's output",
                "verified",
                (source.edit("return x", "return activations[-1]"),),
                "runs to the end; dW and db of both layers match numeric gradients (relative error <= 3e-10)",
            ),
        ),
    )
    return diagnosis(finding, network=NETWORK)


def colliding_labels(write: Write) -> Diagnosis:
    source = write("y = a @ b @ c + d\n")
    letters = {"a": (1200, 3400), "b": (3400, 5600), "c": (7, 8), "d": (9,)}
    operands = tuple(Operand(name, shape, None, source.span(name)) for name, shape in letters.items())
    return diagnosis(plain_finding(source.span("a @ b @ c + d"), operands=operands))


def nested_operands(write: Write) -> Diagnosis:
    source = write("dW = delta.T @ x.T\n")
    return diagnosis(
        plain_finding(
            source.span("delta.T @ x.T"),
            operands=(
                Operand("delta.T", (3, 7), (7, 3), source.span("delta.T")),
                Operand("delta", (7, 3), None, source.span("delta")),
                Operand("x.T", (4, 7), None, source.span("x.T")),
            ),
        )
    )


def several_arrays_of_one_place(write: Write) -> Diagnosis:
    source = write("W = np.array([np.ones((a, b)) for a, b in sizes])\n")
    rows = "[np.ones((a, b)) for a, b in sizes]"
    shapes = [(2, 5), (5, 3), (5, 3), (3, 4), (4, 2), (2, 1)]
    operands = tuple(Operand(f"row {i}", shape, None, source.span(rows)) for i, shape in enumerate(shapes))
    return diagnosis(plain_finding(source.span(f"np.array({rows})"), code="SC105", operands=operands))


def several_lines(write: Write) -> Diagnosis:
    inner = "np.dot(\n        W2.T,\n        dZ2,\n    )"
    call = f"np.dot(\n    {inner},\n    1 - np.power(A1, 2),  # slope\n    out=None,\n)"
    source = write(f"dZ1 = {call}\n")
    return diagnosis(
        plain_finding(
            source.span(call),
            operands=(
                Operand("np.dot(...)", (4, 120), None, source.span(inner)),
                Operand("1 - np.power(A1, 2)", (4, 120), (120, 4), source.span("1 - np.power(A1, 2)")),
            ),
        )
    )


def tabs_and_wide_signs(write: Write) -> Diagnosis:
    source = write("if True:\n\tdef f():\n\t\t誤差 = 出力\t@ 重み  # コメント\n")
    return diagnosis(
        plain_finding(
            source.span("出力\t@ 重み"),
            title="この積は合わない: 出力 and 重み",
            operands=(
                Operand("出力", (3, 2), None, source.span("出力")),
                Operand("重み", (3, 2), None, source.span("重み")),
            ),
        )
    )


def very_many_lines(write: Write) -> Diagnosis:
    rows = "".join(f"    [{i}, {i + 1}],\n" for i in range(30))
    call = f"np.dot(np.array([\n{rows}]), W3)"
    source = write(f"import numpy as np\nout = {call}\n")
    array = call.removeprefix("np.dot(").removesuffix(", W3)")
    return diagnosis(
        plain_finding(
            source.span(call),
            operands=(
                Operand("np.array(...)", (30, 2), None, source.span(array)),
                Operand("W3", (30, 2), (2, 30), source.span("W3")),
            ),
        )
    )


def very_long_line(write: Write) -> Diagnosis:
    terms = " + ".join(f"coefficient_{i} * x ** {i}" for i in range(12))
    source = write(f"        total = {terms} + left @ right + {terms}\n")
    return diagnosis(
        plain_finding(
            source.span("left @ right"),
            operands=(
                Operand("left", (3, 2), None, source.span("left")),
                Operand("right", (3, 2), None, source.span("right")),
            ),
        )
    )


def long_only_by_indentation(write: Write) -> Diagnosis:
    source = write("if x:\n" + " " * 24 + "gradient = np.dot(upstream_gradient, self.weights[layer].T) / m\n")
    return diagnosis(plain_finding(source.span("np.dot(upstream_gradient, self.weights[layer].T)")))


def other_file(write: Write) -> Diagnosis:
    layers = write("def dense(W, x):\n    return W @ x\n", "layers.py")
    source = write("from layers import dense\n\nW = np.ones((3, 2))\ndense(W, W)\n")
    return diagnosis(
        plain_finding(
            layers.span("W @ x"),
            cause=source.span("np.ones((3, 2))"),
            layer=1,
            parameters=("W",),
            operands=(
                Operand("W", (3, 2), (3, 3), source.span("W")),
                Operand("x", (3, 2), None, None),
                Operand("x", (3, 2), None, layers.span("x")),
            ),
            fixes=(
                Fix("make W square", "plausible", (source.edit("(3, 2)", "(3, 3)"),), "the product fits"),
                Fix(
                    "swap the two, and their names",
                    "plausible",
                    (layers.edit("W @ x", "x @ W"), source.edit("W, W)", "W.T, W)")),
                ),
            ),
        )
    )


def changed_and_vanished(write: Write) -> Diagnosis:
    source = write("y = a @ b\n")
    gone = write("z = c @ d\n", "gone.py")
    Path("gone.py").unlink()
    write("y = a * b\n")
    fix = Fix("transpose b", "verified", (gone.edit("d", "d.T"),), "runs to the end")
    return diagnosis(
        plain_finding(source.span("a @ b"), operands=(Operand("a", (2, 3), None, source.span("a")),)),
        plain_finding(gone.span("c @ d"), fixes=(fix,)),
    )


def hostile_source(write: Write) -> Diagnosis:
    source = write("y = 'a\x1b[31m\u202ered' @ b\n")
    return diagnosis(
        plain_finding(source.span("'a\x1b[31m\u202ered' @ b"), title="\x1b]0;title\x07 bell", message="two\nlines")
    )


def long_trail(write: Write) -> Diagnosis:
    source = write("".join(f"a{i} = a{i - 1} + 1\n" for i in range(1, 12)))
    trail = tuple(TrailStep(source.span(f"a{i} = a{i - 1} + 1"), f"a{i} is (3,)") for i in range(1, 11))
    return diagnosis(plain_finding(source.span("a10 + 1"), cause=trail[0].span, trail=trail))


def several_findings(write: Write) -> Diagnosis:
    source = write("error = y - out\nhit = out.argmax(0) == y\ndb = error\nW = np.zeros((2, 2))\n")
    fix = Fix("compare columns", "verified", (source.edit("y", "y.ravel()", nth=1),), "the accuracy is a number")
    sums = Fix("sum over the samples", "verified", (source.edit("error", "error.sum(0)", nth=1),))
    other = Fix("mean over the samples", "verified", (source.edit("error", "error.mean(0)", nth=1),))
    return diagnosis(
        plain_finding(source.span("error", nth=1), code="SC304", title="`db` is not summed", fixes=(sums, other)),
        plain_finding(
            source.span("out.argmax(0) == y"), code="SC203", severity="warning", title="compares all", fixes=(fix,)
        ),
        plain_finding(
            source.span("np.zeros((2, 2))"), code="SC504", severity="note", title="all weights are equal", layer=1
        ),
        program=FINISHED,
        network=replace(NETWORK, loss=LossSummary(source.span("y - out"), "the sum of squares", inferred=False)),
    )


def only_inserted_lines(write: Write) -> Diagnosis:
    source = write("for x in xs:\n    dW += x\n")
    fix = Fix("start each batch at zero", "verified", (source.edit("dW +", "dW[...] = 0\n    dW +"),), "trains")
    return diagnosis(plain_finding(source.span("dW += x"), code="SC403", title="`dW` is never reset", fixes=(fix,)))


def deep_network(write: Write) -> Diagnosis:
    write("pass\n")
    layers = tuple(LayerSummary(i, (f"W{i}",), ((i, i + 1),), "relu") for i in range(1, 13))
    return diagnosis(network=NetworkSummary("batch-first", None, layers))


REPORTS = [
    backprop,
    colliding_labels,
    nested_operands,
    several_arrays_of_one_place,
    several_lines,
    tabs_and_wide_signs,
    very_many_lines,
    very_long_line,
    long_only_by_indentation,
    other_file,
    changed_and_vanished,
    hostile_source,
    long_trail,
    several_findings,
    only_inserted_lines,
    deep_network,
]


@pytest.mark.parametrize("build", REPORTS, ids=lambda build: build.__name__)
@pytest.mark.parametrize("width", [80, 44])
def test_report(build: Callable[[Write], Diagnosis], width: int, program: Write, golden: Callable[[str, str], None]):
    text = render_terminal(build(program), width=width)
    golden(f"terminal/{build.__name__}-{width}.txt", text)
    # A diff is code to copy and keeps its length; all else fits.
    too_long = [line for line in text.splitlines() if cell_len(line) > width and line[3:4] not in "+-"]
    assert not too_long
    assert "\x1b" not in text


def nothing_at_all(write: Write) -> Finding:
    source = write("print('hello')\n")
    nowhere = Span(source.path, 1, 1, 1, 1, "")
    return Finding("SC901", "note", "no array operations were seen", "NumPy was never called", nowhere, nowhere)


KILLED = ProgramOutcome("exit", None, 2.0, -9)
#        id             status        outcome                                                          SC901 too
ENDINGS = [
    ("clean", "clean", FINISHED, False),
    ("unrelated", "clean", ProgramOutcome("exception", ("builtins.KeyError", "'x'"), 0.2), False),
    ("unrelated-incomplete", "incomplete", ProgramOutcome("exception", ("KeyError", "'x'"), 0.2), False),
    ("import", "clean", ProgramOutcome("exception", ("ModuleNotFoundError", "No module named 'torch'"), 0.1), False),
    ("exit-status", "clean", ProgramOutcome("exit", None, 0.2, 3), False),
    ("timeout", "incomplete", ProgramOutcome("timeout", None, 60.01), False),
    ("os-exit", "incomplete", ProgramOutcome("exit", None, 0.2, 3), False),
    ("killed", "incomplete", KILLED, False),
    ("memory", "incomplete", ProgramOutcome("exception", ("MemoryError", ""), 1.0), False),
    ("interrupted", "incomplete", ProgramOutcome("exception", ("KeyboardInterrupt", ""), 1.0), False),
    ("no-arrays", "incomplete", FINISHED, True),
]


@pytest.mark.parametrize("ending", ENDINGS, ids=[case[0] for case in ENDINGS])
def test_ending(ending, program: Write, golden: Callable[[str, str], None]):
    name, status, outcome, nothing = ending
    findings = (nothing_at_all(program),) if nothing else ()
    text = render_terminal(Diagnosis("script.py", status, outcome, None, findings))
    golden(f"endings/{name}.txt", text)


def test_timeout_still_explains_what_was_seen(program: Write, golden: Callable[[str, str], None]):
    seen = replace(backprop(program), status="incomplete", program=ProgramOutcome("timeout", None, 60.2))
    golden("endings/timeout-with-findings.txt", render_terminal(seen))


def test_colors_change_no_letter(program: Write, golden: Callable[[str, str], None]):
    from rich.text import Text

    report = backprop(program)
    colored = render_terminal(report, color=True)
    golden("terminal/backprop-color.txt", colored)
    assert Text.from_ansi(colored).plain.splitlines() == render_terminal(report).splitlines()


def test_fixing_does_not_tell_how_to_fix(program: Write):
    report = backprop(program)
    assert "--fix" in render_terminal(report)
    assert "--fix" not in render_terminal(report, fixing=True)
