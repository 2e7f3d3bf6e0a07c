"""What is promised of every module: short, sourced, every array annotated, every annotation checked."""

import ast
import inspect
from pathlib import Path

import numpy as np
import pytest

import reference_nets
from reference_nets import dense, mlp_single_sample, recurrent
from reference_nets.catalogue import BY_NAME, ENTRIES, find
from reference_nets.nearest import nearest_network
from reference_nets.roles import LAYOUTS, ROLES, shape_of_role
from shapecheck import SignatureError

FOLDER = Path(reference_nets.__file__).parent
MODULES = sorted(FOLDER.glob("*.py"))
INFRASTRUCTURE = {"__init__", "annotations", "catalogue", "roles", "nearest", "progress", "mnist", "digits"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_can_be_read_in_one_sitting(path):
    assert len(path.read_text().splitlines()) <= 150


@pytest.mark.parametrize("name", BY_NAME)
def test_names_the_source_of_its_formulas(name):
    assert "\nSource:\n" in (ast.get_docstring(ast.parse(BY_NAME[name].source)) or "")


def test_the_catalogue_is_complete():
    assert {path.stem for path in MODULES} - INFRASTRUCTURE == set(BY_NAME)
    assert all(entry.title.endswith(".") and "\n" not in entry.title for entry in ENTRIES)


@pytest.mark.parametrize("name", BY_NAME)
def test_every_array_has_a_signature_and_every_signature_is_checked(name):
    tree = ast.parse(BY_NAME[name].source)
    for function in (node for node in tree.body if isinstance(node, ast.FunctionDef)):
        arguments = [*function.args.args, *function.args.kwonlyargs]
        annotations = [ast.unparse(a.annotation) for a in arguments] + [ast.unparse(function.returns)]
        bare = [text for text in annotations if "Array" in text and "[Array, " not in text]
        assert not bare, f"{function.name} takes or returns an array without axes: {bare}"
        if any("[Array, " in text for text in annotations):
            assert [ast.unparse(d) for d in function.decorator_list] == ["checked"], f"{function.name} is not checked"


REFUSED = {
    "rows for columns": lambda: dense.forward_columns(np.ones((4, 3)), np.ones((2, 3)), np.ones((2, 1))),
    "a bias of the wrong width": lambda: dense.forward(np.ones((4, 3)), np.ones((3, 2)), np.ones(3)),
    "a batch where one sample is wanted": lambda: mlp_single_sample.layer_forward(
        np.ones((4, 3)), np.ones((3, 2)), np.ones(2)
    ),
    "states without time": lambda: recurrent.forward(
        np.ones((2, 3)), np.ones((2, 4)), np.ones((3, 4)), np.ones((4, 4)), np.ones(4)
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_wrong_shape_is_refused_at_the_call(name):
    with pytest.raises(SignatureError):
        REFUSED[name]()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("role", ROLES)
def test_roles_have_the_shapes_that_the_layer_makes(layout, role):
    batch, inputs, outputs = 7, 3, 5
    forward, backward = {
        "batch-first": (dense.forward, dense.backward),
        "features-first": (dense.forward_columns, dense.backward_columns),
        "single-sample": (mlp_single_sample.layer_forward, None),
    }[layout]
    size = {"inputs": inputs, "outputs": outputs, "batch": batch}
    X, W, b = (np.ones(shape_of_role(r, layout, **size).shape) for r in "XWb")
    Z = forward(X, W, b)
    parts = backward(Z, X, W) if backward else mlp_single_sample.layer_backward(Z, Z, X, W)
    made = dict(zip(("dX", "dW", "db"), parts, strict=True)) | {"X": X, "W": W, "b": b, "Z": Z, "A": Z, "Y": Z, "dZ": Z}
    made |= {"A_prev": X, "dA_prev": parts[0], "dA": Z, "delta": Z}
    found = shape_of_role(role, layout, **size)
    assert found.shape == made[role].shape
    assert found.signature == f'Float[Array, "{" ".join(found.axes)}"]'


def test_a_role_may_carry_its_layers_number():
    found = shape_of_role("dZ2", "batch-first", inputs=5, outputs=1, batch=32)
    assert str(found) == 'Float[Array, "batch out"] = (32, 1)'
    assert found.source == "reference_nets.dense.backward"


#     own shape of the user's parameter, role, its signature
OWN = [
    ((1, 5), "db", 'Float[Array, "1 out"]'),
    ((5, 3), "dW", 'Float[Array, "out in"]'),
    ((3, 5), "dW", 'Float[Array, "in out"]'),
    ((5, 1), "b", 'Float[Array, "out 1"]'),
]


@pytest.mark.parametrize(("own", "role", "signature"), OWN)
def test_a_users_way_of_storing_parameters(own, role, signature):
    found = shape_of_role(role, "batch-first", inputs=3, outputs=5, batch=7, own=own)
    assert (found.shape, found.signature) == (own, signature)


WRONG_ROLES = {
    "role": (lambda: shape_of_role("dQ", "batch-first", inputs=1, outputs=1), "no role `dQ`"),
    "layout": (lambda: shape_of_role("dZ", "rows", inputs=1, outputs=1), "no layout `rows`; there are batch-first"),
    "own shape": (lambda: shape_of_role("W", "batch-first", inputs=3, outputs=5, own=(4, 5)), "no axis of 5 or 3"),
    "own shape too small": (lambda: shape_of_role("W", "batch-first", inputs=3, outputs=5, own=(5,)), "no axis for in"),
}


@pytest.mark.parametrize("name", WRONG_ROLES)
def test_wrong_questions_are_answered_with_the_right_words(name):
    ask, words = WRONG_ROLES[name]
    with pytest.raises(ValueError, match=words):
        ask()


#     what is known of the user's network -> the nearest
NEAREST = [
    ({"layout": "single-sample", "activations": ("sigmoid",) * 2, "loss": "squared error"}, "mlp_single_sample"),
    (
        {"layout": "features-first", "activations": ("sigmoid",) * 3, "loss": "binary cross-entropy"},
        "mlp_features_first",
    ),
    (
        {"layout": "features-first", "activations": ("sigmoid",) * 2, "loss": "binary cross-entropy"},
        "digits_batch_form",
    ),
    ({"layout": "features-first", "activations": ("sigmoid",) * 5, "loss": "binary cross-entropy"}, "deep_network"),
    ({"layout": "features-first", "activations": ("relu", "sigmoid"), "loss": "binary cross-entropy"}, "mlp"),
    ({"layout": "batch-first", "activations": ("relu", "softmax"), "loss": "cross-entropy"}, "mlp"),
    ({"layout": "batch-first", "activations": ("sigmoid",), "loss": "binary cross-entropy"}, "logistic_regression"),
    ({"layout": "batch-first", "activations": ("softmax",), "loss": "cross-entropy"}, "softmax_regression"),
    (
        {"layout": "single-sample", "activations": ("sigmoid",) * 2, "loss": "squared error", "biases": False},
        "delta_rule",
    ),
    ({}, "mlp"),
    ({"kind": "Conv2D"}, "convolution"),
    ({"kind": "max_pool"}, "pooling"),
    ({"kind": "lstm"}, "lstm"),
    ({"kind": "multi-head attention"}, "multi_head_attention"),
]


@pytest.mark.parametrize(("traits", "name"), NEAREST, ids=lambda value: value if isinstance(value, str) else "")
def test_nearest_network(traits, name):
    assert nearest_network(**traits).name == name


def test_find_forgives_spelling_and_suggests():
    assert find("Delta-Rule").name == "delta_rule"
    with pytest.raises(KeyError, match="close to it: multi_head_attention"):
        find("transformer")
    with pytest.raises(KeyError, match="close to it: lstm"):
        find("lstn")
    with pytest.raises(KeyError, match="there are: mlp_single_sample"):
        find("qqqq")


def test_checking_costs_nothing_when_it_is_off(monkeypatch):
    monkeypatch.setenv("SHAPECHECK", "off")
    from shapecheck import signature

    assert not hasattr(signature(locals=True)(lambda x: x), "__wrapped__")
    assert inspect.unwrap(dense.forward) is not dense.forward  # imported before it was off
