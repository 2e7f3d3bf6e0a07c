"""The table of shapes: what it says is what NumPy makes, and its gradients are the loss's."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from reference_nets import activations
from shapecheck.cli import commands
from shapecheck.gradients.check import gradcheck
from shapecheck.reference_commands import nets_command, shapes_command
from shapecheck.shape_rendering import as_markdown, as_text
from shapecheck.shapes import ACTIVATIONS, LAYOUTS, LOSSES, shape_table

FUNCTIONS = {"np": np, **{name: getattr(activations, name) for name in ACTIVATIONS if name != "linear"}}


def evaluate(table, params, X, Y, stages=("forward", "loss", "backward", "update")):
    """Run the operations of the table as they stand."""
    space = {"X": X, "Y": Y, "m": table.batch, "rate": 0.1, **params}
    made = {}
    for q in table.quantities:
        if q.stage in stages and q.operation != "parameter":
            made[q.stage, q.name] = eval(q.operation, FUNCTIONS, space)
            if q.stage != "update":
                space[q.name] = made[q.stage, q.name]
    return made


def start(table, draw):
    shapes = {q.name: q.shape for q in table.quantities}
    names = [q.name for q in table.quantities if q.operation == "parameter"]
    params = {name: draw.normal(size=shapes[name]) for name in names}
    Y = activations.softmax(draw.normal(size=shapes["Y"]), axis=0 if table.layout == "features-first" else -1)
    return params, draw.normal(size=shapes["X"]), Y


#        sizes, activations, loss
NETWORKS = [
    ([4, 7, 2], ["relu"], None),
    ([4, 3, 1], ["sigmoid"], None),
    ([3, 5, 4, 2], ["tanh", "leaky_relu", "linear"], None),
    ([4, 3], ["softmax"], None),
    ([4, 7, 2], ["relu", "softmax"], "squared-error"),
    ([4, 3, 2], ["sigmoid", "tanh"], "squared-error"),
    ([2, 3, 3], ["sigmoid", "sigmoid"], "cross-entropy"),
]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("sizes", "names", "loss"), NETWORKS)
def test_operations_make_the_shapes_and_the_gradients(layout, sizes, names, loss):
    batch = 1 if layout == "single-sample" else 6
    table = shape_table(sizes, batch=batch, layout=layout, activations=names, loss=loss)
    params, X, Y = start(table, np.random.default_rng(3))
    made = evaluate(table, params, X, Y)
    for q in table.quantities:
        if (q.stage, q.name) in made:
            assert np.shape(made[q.stage, q.name]) == q.shape, f"{q.name} = {q.operation}"
    gradients = {name: made["backward", f"d{name}"] for name in params}
    report = gradcheck(
        lambda p: evaluate(table, p, X, Y, ("forward", "loss"))["loss", "J"], params, gradients, mode="full", seed=1
    )
    assert report.decided, str(report)


@given(
    sizes=st.lists(st.integers(1, 9), min_size=2, max_size=5),
    batch=st.integers(1, 9),
    layout=st.sampled_from([name for name in LAYOUTS if name != "single-sample"]),
)
def test_a_gradient_has_the_shape_of_its_quantity(sizes, batch, layout):
    table = shape_table(sizes, batch=batch, layout=layout)
    shapes = {q.name: q.shape for q in table.quantities}
    assert all(shape == shapes[name[1:]] for name, shape in shapes.items() if name.startswith("d"))
    assert table.parameters == sum(int(np.prod(shapes[n])) for n in shapes if n[0] in "Wb")


#     arguments -> the notes that are given
NOTES = [
    (([4, 4, 2], {"batch": 3}), ["W1 is square"]),
    (([4, 3, 2], {"batch": 3}), ["the batch is as large as layer 1"]),
    (([4, 3, 1], {"batch": 6}), ["Y is (6, 1): with targets of shape (6,)"]),
    (([4, 3, 2], {"batch": 1}), ["with one sample, a sum over the batch"]),
    (([4, 3, 2], {"batch": 6}), []),
    (([4, 3, 1], {"batch": 6, "layout": "features-first"}), []),
]


@pytest.mark.parametrize(("arguments", "beginnings"), NOTES)
def test_notes_warn_of_sizes_that_agree_by_luck(arguments, beginnings):
    sizes, options = arguments
    notes = shape_table(sizes, **options).notes
    assert len(notes) == len(beginnings)
    assert all(note.startswith(beginning) for note, beginning in zip(notes, beginnings, strict=True))


SHOWN = {
    "tutorial": ("784 196 1 --batch 11272 --layout features-first", 120),
    "rows": ("4 5 3 --batch 7 --activation relu", 120),
    "rows-narrow": ("4 5 3 --batch 7 --activation relu", 60),
    "one-sample": ("2 5 1 --layout single-sample --loss squared-error", 120),
    "notes": ("4 4 4 1 --batch 4 --activation tanh,leaky-relu,linear", 120),
}


def table_of(arguments, form):
    result = CliRunner().invoke(shapes_command, [*arguments.split(), "--format", form])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("name", SHOWN)
def test_text(name, golden):
    arguments, width = SHOWN[name]
    table = json.loads(table_of(arguments, "json"))
    made = shape_table(
        table["sizes"],
        batch=table["batch"],
        layout=table["layout"],
        activations=table["activations"],
        loss=table["loss"],
    )
    golden(f"shapes-{name}.txt", as_text(made, width) + "\n")
    if width == 120:
        assert max(map(len, as_text(made, width).splitlines())) <= 120


def test_markdown(golden):
    golden("shapes-tutorial.md", table_of(SHOWN["tutorial"][0], "markdown"))
    rows = [line for line in as_markdown(shape_table([3, 2], batch=4)).splitlines() if line.startswith("|")]
    assert {line.count("|") for line in rows} == {7}


def test_json(golden):
    golden("shapes-rows.json", table_of(SHOWN["rows"][0], "json"))


WRONG = {
    "one size": ("784", "at least two sizes"),
    "no size": ("", "Missing argument 'SIZES...'"),
    "a size of nothing": ("784 0 1", "0 is not in the range x>=1"),
    "an unknown activation": ("3 2 1 --activation swish", "no activation `swish` here; there are linear, sigmoid"),
    "too many activations": ("3 2 --activation relu,relu,relu", "1 layers need 1 activations"),
    "a batch of single samples": ("3 2 --batch 4 --layout single-sample", "choose another layout or leave it out"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_command_is_said_to_be_wrong(name):
    arguments, words = WRONG[name]
    result = CliRunner().invoke(shapes_command, arguments.split())
    assert result.exit_code == 2
    assert words in result.output


def test_output_activation():
    table = json.loads(table_of("4 3 3 2 --activation relu --output-activation linear", "json"))
    assert (table["activations"], table["loss"]) == (["relu", "relu", "linear"], "squared-error")
    assert table["loss"] in LOSSES


def run_nets(*arguments):
    return CliRunner().invoke(nets_command, [*arguments])


def test_both_are_commands_of_the_program():
    shown = CliRunner().invoke(commands, ["--help"]).output
    assert "shapes" in shown
    assert "nets" in shown
    assert CliRunner().invoke(commands, ["shapes", "3", "2"]).exit_code == 0


def test_nets_lists_all(golden):
    golden("nets.txt", run_nets().output)


def test_nets_shows_source_shapes_and_a_run(golden):
    golden("nets-delta-rule.txt", run_nets("delta-rule").output)


def test_nets_without_a_run():
    output = run_nets("lstm", "--no-run", "--no-source").output
    assert 'Float[Array, "inputs+hidden 4*hidden"]' in output
    assert "a run" not in output
    assert "loss" not in output


def test_nets_as_json():
    shown = json.loads(run_nets("dense", "--format", "json", "--no-source").output)
    forward = next(f for f in shown["shapes"] if f["function"] == "forward")
    assert forward["arrays"][0] == {"name": "X", "signature": 'Float[Array, "batch in"]', "shape": [40, 3]}
    assert shown["run"][-1]["loss"] < shown["run"][0]["loss"]


def test_nets_needs_and_refuses_data(tmp_path):
    assert "nets admissions --data PATH" in run_nets("admissions", "--no-source").output
    refused = run_nets("lstm", "--data", str(tmp_path))
    assert (refused.exit_code, "`lstm` reads no data" in refused.output) == (2, True)
    empty = run_nets("deep-network", "--no-source", "--data", str(tmp_path))
    assert (empty.exit_code, "has no train-images-idx3-ubyte" in empty.output) == (1, True)


def test_nets_suggests():
    wrong = run_nets("transformer")
    assert (wrong.exit_code, "close to it: multi_head_attention" in wrong.output) == (2, True)
