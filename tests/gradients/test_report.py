"""What people read: the text in full, the notebook's table, JSON, the picture."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from shapecheck.gradients.check import gradcheck

GOLDEN = Path(__file__).parent / "golden"


def checks():
    rng = np.random.default_rng(8)
    W, b, X = rng.normal(size=(3, 4)), np.zeros((1, 4)), rng.normal(size=(6, 3))

    def loss():
        return np.sum(np.tanh(X @ W + b) ** 2) / 6

    def grads():
        a = np.tanh(X @ W + b)
        d = 2 * a * (1 - a * a) / 6
        return {"W": X.T @ d, "b": d.sum(axis=0, keepdims=True)}

    params = {"W": W, "b": b}
    one = grads()
    one["W"][1, 2] *= 1.01
    yield "right", gradcheck(loss, params, grads, seed=1)
    yield "one_entry", gradcheck(loss, params, one, seed=1)
    yield "factor", gradcheck(loss, params, lambda: {k: 6 * v for k, v in grads().items()}, seed=1)
    yield "random", gradcheck(lambda: loss() + 0.1 * np.random.default_rng().random(), params, grads(), seed=1)
    yield "zero", gradcheck(lambda: loss() + 0 * params["b"].sum(), {"b": np.zeros(2)}, {"b": np.zeros(2)}, seed=1)


def blurred(text: str) -> str:
    """Numbers at the level of rounding differ between machines; the rest must not."""
    import re

    text = re.sub(r"\d(\.\d+)?e-\d\d", "#e-##", text)
    text = re.sub(r"loss \([\d.]+\)", "loss (#)", text)
    return re.sub(r"gave [\d.]+ and [\d.]+", "gave # and #", text)


@pytest.mark.parametrize("name", ["right", "one_entry", "factor", "random", "zero"])
def test_the_text_in_full(name, request):
    text = blurred(str(dict(checks())[name])) + "\n"
    path = GOLDEN / f"{name}.txt"
    if request.config.getoption("--update-golden", default=False):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert path.exists(), "no golden file: run with --update-golden and read what it wrote"
    assert text == path.read_text()


@pytest.mark.parametrize("name", ["right", "one_entry", "factor", "random", "zero"])
def test_json_and_html(name):
    report = dict(checks())[name]
    again = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert again["ok"] is report.ok
    assert [p["verdict"] for p in again["parameters"]] == [p.verdict.value for p in report]
    html = report._repr_html_()
    assert html.count("<tr>") == 1 + len(report.parameters)
    assert "<script" not in html


def test_names_are_escaped_in_html():
    x = np.ones(2)
    report = gradcheck(lambda: float(np.sum(x)), {"<b>": x}, {"<b>": np.ones(2)})
    assert "<b>" not in report._repr_html_()


def test_the_picture():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    x = np.arange(6.0).reshape(2, 3)
    g = 2 * x
    g[1, 1] += 1
    report = gradcheck(lambda: float(np.sum(x**2)), {"x": x}, {"x": g}, mode="full")
    figure = report.plot()
    drawn = figure.axes[0].images[0].get_array()
    assert drawn[1, 1] == pytest.approx(1.0, abs=1e-6)
    assert figure.axes[0].get_title().startswith("x")
    matplotlib.pyplot.close(figure)
    with pytest.raises(ValueError, match="no parameter `W`; there are `x`"):
        report.plot("W")
    with pytest.raises(ValueError, match="full"):
        gradcheck(lambda: float(np.sum(x**2)), {"x": x}, {"x": 2 * x}).plot()


def test_a_number_has_no_index():
    report = gradcheck(lambda p: p["s"] ** 2, {"s": 3.0}, {"s": 5.0})
    assert "  s: your gradient says 5, the loss says 6" in str(report)


def test_the_call_that_a_complex_step_does_not_pass_is_named_where_all_entries_are_looked_at():
    x = np.linspace(0.1, 1.0, 4)
    loss = lambda: math.exp(float(x[0])) + np.sum(x[1:] ** 2)
    report = gradcheck(loss, {"x": x}, lambda: {"x": np.r_[np.exp(x[0]), 2 * x[1:]]}, mode="full")
    assert report.decided
    assert "math.exp(float(x[0]))" in str(report)
    assert "central differences were taken" in str(report)
