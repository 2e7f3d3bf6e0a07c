"""Every gradient of every reference network, held against numeric ones by the project's own checker.

A problem is a loss of named parameters and its gradients, in odd sizes ("small", every entry is checked) and in sizes
people use ("real", random directions). Inputs are parameters too, so that dX is checked like dW.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

from reference_nets import (
    activations,
    admissions,
    attention,
    batch_norm,
    convolution,
    deep_network,
    delta_rule,
    dense,
    digits_batch_form,
    digits_column_activations,
    embedding,
    gru,
    layer_norm,
    logistic_regression,
    losses,
    lstm,
    mlp,
    mlp_features_first,
    mlp_single_sample,
    multi_head_attention,
    pooling,
    recurrent,
    regularisation,
    residual,
    softmax_regression,
    tied_autoencoder,
    word2vec,
)
from shapecheck.gradients.check import gradcheck

Params = dict[str, np.ndarray]


class Problem(NamedTuple):
    loss: Callable[[Params], float]
    params: Params
    gradients: Callable[[Params], Params]


def moved(params: Params, draw: np.random.Generator) -> Params:
    """Away from the initial point, where zero biases and unit scales hide mistakes."""
    return {name: value + 0.3 * draw.normal(size=value.shape) for name, value in params.items()}


def normal(draw: np.random.Generator, **shapes: tuple[int, ...]) -> Params:
    return {name: draw.normal(size=shape) for name, shape in shapes.items()}


def vjp(
    output: Callable[[Params], Any], backward: Callable[[Params, Any], Params], params: Params, draw: Any
) -> Problem:
    """A layer under a random linear loss: sum(G * output), so that the cotangent is G."""
    G = draw.normal(size=np.shape(output(params)))
    return Problem(lambda p: float(np.sum(G * output(p))), params, lambda p: backward(p, G))


# --- the networks of the seeds ------------------------------------------------------------------------------------


def single_sample(draw, real):
    sizes = [100, 30, 20] if real else [2, 5, 3]
    params = moved(mlp_single_sample.initialise(sizes, draw), draw)
    x, target = draw.normal(size=sizes[0]), draw.random(sizes[-1])

    def loss(p):
        return mlp_single_sample.loss(mlp_single_sample.forward(p, x)[-1], target)

    def gradients(p):
        a = mlp_single_sample.forward(p, x)
        return mlp_single_sample.backward(p, a, -mlp_single_sample.error_of(a[-1], target))

    return Problem(loss, params, gradients)


def features_first(draw, real):
    sizes, m = ((64, 40, 30, 1), 500) if real else ((2, 5, 3, 1), 4)
    params = moved(mlp_features_first.initialise(sizes, draw), draw)
    X, Y = draw.normal(size=(sizes[0], m)), draw.integers(0, 2, (1, m)).astype(float)
    return Problem(
        lambda p: mlp_features_first.cost(mlp_features_first.forward(p, X)[-1], Y),
        params,
        lambda p: mlp_features_first.backward(p, X, Y, *mlp_features_first.forward(p, X)),
    )


def column_activations(draw, real):
    net = digits_column_activations
    pixels, hidden, classes = (784, 100, 10) if real else (6, 5, 3)
    params = moved(net.initialise(pixels, hidden, classes, draw), draw)
    x, expected = net.with_constant(draw.random(pixels)), net.expected_value(1, classes)
    return Problem(
        lambda p: net.loss(net.forward(p, x)[1], expected),
        params,
        lambda p: net.backward(p, x, expected, *net.forward(p, x)),
    )


def batch_form(draw, real):
    net = digits_batch_form
    inputs, hidden, classes, m = (784, 100, 10, 256) if real else (6, 5, 3, 4)
    params = moved(net.initialise(inputs, hidden, classes, draw), draw)
    X, Y = draw.random((inputs, m)), np.eye(classes)[:, draw.integers(0, classes, m)]
    return Problem(
        lambda p: net.loss(net.forward(p, X)[1], Y),
        params,
        lambda p: net.backward(p, X, Y, *net.forward(p, X)),
    )


def deep(draw, real):
    net = deep_network
    sizes, n = ([784, 196, 1], 512) if real else ([6, 5, 3, 1], 4)
    params = net.initialise(sizes, draw) if real else moved(net.initialise(sizes, draw), draw)
    X, Y = draw.random((n, sizes[0])) - 0.5, draw.integers(0, 2, (n, 1)).astype(float)
    return Problem(
        lambda p: net.cost(net.forward(p, X)[-1], Y), params, lambda p: net.backward(p, net.forward(p, X), Y)
    )


def delta(draw, real):
    inputs, hidden = (50, 20) if real else (3, 2)
    x = draw.normal(size=inputs)

    def gradients(p):
        kept, output = delta_rule.forward(x, p["W1"], p["W2"])
        steps = delta_rule.weight_steps(x, 0.6, kept, output, p["W2"])
        return {"W1": -steps[0], "W2": -steps[1]}

    params = normal(draw, W1=(inputs, hidden), W2=(hidden,))
    return Problem(lambda p: delta_rule.loss(delta_rule.forward(x, p["W1"], p["W2"])[1], 0.6), params, gradients)


def admissions_epoch(draw, real):
    records = 360 if real else 5
    X, targets = draw.normal(size=(records, 6)), draw.integers(0, 2, records).astype(float)

    def gradients(p):
        # The delta rule is minus the gradient of *half* the sum of squares, over n: of the mean, half.
        return {k: -2 * s / records for k, s in zip(p, admissions.epoch_steps(X, targets, *p.values()), strict=True)}

    data = admissions.Admissions(X, targets, X, targets)
    return Problem(lambda p: admissions.training_loss(data, *p.values()), normal(draw, W1=(6, 2), W2=(2,)), gradients)


# --- regression, the N-layer network, losses, activations ---------------------------------------------------------


def logistic(draw, real):
    m, n = (400, 60) if real else (5, 3)
    X, y = draw.normal(size=(m, n)), draw.integers(0, 2, m).astype(float)
    net = logistic_regression
    return Problem(
        lambda p: net.loss(net.forward(X, p["w"], p["b"]), y),
        {k: 0.3 * v for k, v in normal(draw, w=(n,), b=(1,)).items()},
        lambda p: dict(zip(("w", "b"), net.backward(X, net.forward(X, p["w"], p["b"]), y), strict=True)),
    )


def softmax_classifier(draw, real):
    m, n, classes = (200, 64, 10) if real else (5, 4, 3)
    X, Y = draw.normal(size=(m, n)), np.eye(classes)[draw.integers(0, classes, m)]
    net = softmax_regression
    return Problem(
        lambda p: net.loss(net.forward(X, p["W"], p["b"]), Y),
        {k: 0.3 * v for k, v in normal(draw, W=(n, classes), b=(classes,)).items()},
        lambda p: dict(zip(("W", "b"), net.backward(X, net.forward(X, p["W"], p["b"]), Y), strict=True)),
    )


def plan_problem(hidden, last, loss, *, rows=True, decay=0.0, keep=None):
    def build(draw, real):
        sizes, m = ((100, 40, 30, 10), 64) if real else ((6, 5, 4, 3), 4)
        plan = mlp.Plan(sizes, (hidden, hidden, last), loss, rows=rows, decay=decay)
        params = moved(mlp.initialise(plan, draw), draw) if not real else mlp.initialise(plan, draw)
        X, Y = draw.normal(size=(m, sizes[0])), np.eye(sizes[-1])[draw.integers(0, sizes[-1], m)]
        X, Y = (X, Y) if rows else (X.T.copy(), Y.T.copy())
        masks = None if keep is None else mlp.draw_masks(plan, m, keep, draw)
        return Problem(
            lambda p: mlp.loss(plan, p, mlp.forward(plan, p, X, masks)[1][-1], Y),
            params,
            lambda p: mlp.backward(plan, p, *mlp.forward(plan, p, X, masks), Y, masks),
        )

    return build


def loss_problem(name, to_prediction):
    def build(draw, real):
        shape = (300, 10) if real else (4, 3)
        Y = np.eye(shape[1])[draw.integers(0, shape[1], shape[0])]
        params = {"A": to_prediction(draw.normal(size=shape))}
        backward = getattr(losses, f"{name}_backward")
        return Problem(lambda p: getattr(losses, name)(p["A"], Y), params, lambda p: {"A": backward(p["A"], Y)})

    return build


def activation_problem(name):
    def build(draw, real):
        rule = activations.ELEMENTWISE[name]

        def backward(p, G):
            return {"Z": rule.backward(G, rule.forward(p["Z"]) if rule.from_output else p["Z"])}

        params = normal(draw, Z=(50, 40) if real else (5, 3))
        return vjp(lambda p: rule.forward(p["Z"]), backward, params, draw)

    return build


def softmax_problem(axis):
    def build(draw, real):
        def backward(p, G):
            return {"Z": activations.softmax_backward(G, activations.softmax(p["Z"], axis), axis)}

        params = normal(draw, Z=(50, 40) if real else (5, 3))
        return vjp(lambda p: activations.softmax(p["Z"], axis), backward, params, draw)

    return build


def dense_rows(draw, real):
    m, n, k = (256, 784, 100) if real else (4, 3, 5)
    params = normal(draw, X=(m, n), W=(n, k), b=(k,))

    def backward(p, G):
        return dict(zip(("X", "W", "b"), dense.backward(G, p["X"], p["W"]), strict=True))

    return vjp(lambda p: dense.forward(**p), backward, params, draw)


def dense_columns(draw, real):
    m, n, k = (256, 784, 100) if real else (4, 3, 5)
    params = normal(draw, X=(n, m), W=(k, n), b=(k, 1))

    def backward(p, G):
        return dict(zip(("X", "W", "b"), dense.backward_columns(G, p["X"], p["W"]), strict=True))

    return vjp(lambda p: dense.forward_columns(**p), backward, params, draw)


def decay_and_dropout(draw, real):
    shape = (64, 100) if real else (5, 3)
    mask = regularisation.draw_mask(shape, 0.7, draw)
    G = draw.normal(size=shape)

    def gradients(p):
        return {"W": regularisation.weight_decay_backward(p["W"], 0.3) + regularisation.dropout_backward(G, mask)}

    def loss(p):
        return regularisation.weight_decay(p["W"], 0.3) + float(np.sum(G * regularisation.dropout(p["W"], mask)))

    return Problem(loss, normal(draw, W=shape), gradients)


# --- normalisation, convolution, pooling --------------------------------------------------------------------------


def batch_norm_train(draw, real):
    m, n = (128, 50) if real else (5, 3)
    params = normal(draw, X=(m, n), gamma=(n,), beta=(n,))

    def backward(p, G):
        _, X_hat, std = batch_norm.forward(**p)
        return dict(zip(("X", "gamma", "beta"), batch_norm.backward(G, X_hat, std, p["gamma"]), strict=True))

    return vjp(lambda p: batch_norm.forward(**p)[0], backward, params, draw)


def batch_norm_eval(draw, real):
    m, n = (128, 50) if real else (5, 3)
    params = normal(draw, X=(m, n), gamma=(n,), beta=(n,))
    mean, variance = draw.normal(size=n), draw.random(n) + 0.5

    def backward(p, G):
        parts = batch_norm.backward_trained(G, p["X"], p["gamma"], mean, variance)
        return dict(zip(("X", "gamma", "beta"), parts, strict=True))

    return vjp(lambda p: batch_norm.forward_trained(**p, mean=mean, variance=variance), backward, params, draw)


def layer_norm_problem(draw, real):
    shape = (8, 20, 50) if real else (2, 4, 3)
    params = normal(draw, X=shape, gamma=shape[-1:], beta=shape[-1:])

    def backward(p, G):
        _, X_hat, std = layer_norm.forward(**p)
        return dict(zip(("X", "gamma", "beta"), layer_norm.backward(G, X_hat, std, p["gamma"]), strict=True))

    return vjp(lambda p: layer_norm.forward(**p)[0], backward, params, draw)


def convolution_problem(stride, padding):
    def build(draw, real):
        images, kernel = ((4, 3, 28, 28), (8, 3, 5, 5)) if real else ((2, 2, 7, 6), (3, 2, 3, 2))
        params = normal(draw, X=images, W=kernel, b=kernel[:1])

        def backward(p, G):
            parts = convolution.backward(G, p["X"], p["W"], stride, padding)
            return dict(zip(("X", "W", "b"), parts, strict=True))

        return vjp(lambda p: convolution.forward(**p, stride=stride, padding=padding), backward, params, draw)

    return build


def max_pooling(size, stride):
    def build(draw, real):
        def backward(p, G):
            return {"X": pooling.max_backward(G, pooling.max_forward(p["X"], size, stride)[1], p["X"], size, stride)}

        params = normal(draw, X=(8, 6, 24, 24) if real else (2, 3, 7, 5))
        return vjp(lambda p: pooling.max_forward(p["X"], size, stride)[0], backward, params, draw)

    return build


def average_pooling(size, stride):
    def build(draw, real):
        params = normal(draw, X=(8, 6, 24, 24) if real else (2, 3, 7, 5))
        return vjp(
            lambda p: pooling.average_forward(p["X"], size, stride),
            lambda p, G: {"X": pooling.average_backward(G, p["X"], size, stride)},
            params,
            draw,
        )

    return build


# --- words, time, attention ---------------------------------------------------------------------------------------


def embedding_problem(draw, real):
    words, depth = (500, 64) if real else (5, 3)
    ids = draw.integers(0, words, (32, 20)) if real else np.array([[1, 1, 4], [0, 1, 4]])
    return vjp(
        lambda p: embedding.forward(p["E"], ids),
        lambda p, G: {"E": embedding.backward(G, ids, words)},
        normal(draw, E=(words, depth)),
        draw,
    )


def recurrent_problem(draw, real):
    T, m, n, h = (20, 16, 30, 40) if real else (4, 2, 3, 5)
    params = normal(draw, X=(T, m, n), h0=(m, h), Wx=(n, h), Wh=(h, h), b=(h,))
    params = {k: v * (h**-0.5 if k.startswith("W") else 1.0) for k, v in params.items()}

    def backward(p, G):
        H = recurrent.forward(**p)
        parts = recurrent.backward(G, H, p["X"], p["h0"], p["Wx"], p["Wh"])
        return dict(zip(("X", "h0", "Wx", "Wh", "b"), parts, strict=True))

    return vjp(lambda p: recurrent.forward(**p), backward, params, draw)


def lstm_problem(draw, real):
    T, m, n, h = (20, 16, 30, 40) if real else (4, 2, 3, 5)
    params = normal(draw, X=(T, m, n), h0=(m, h), c0=(m, h), W=(n + h, 4 * h), b=(4 * h,))
    params["W"] *= h**-0.5

    def backward(p, G):
        parts = lstm.backward(G, p["X"], p["W"], lstm.forward(**p))
        return dict(zip(("X", "h0", "c0", "W", "b"), parts, strict=True))

    return vjp(lambda p: np.stack([h for h, _, _ in lstm.forward(**p)[1:]]), backward, params, draw)


def gru_problem(draw, real):
    T, m, n, h = (20, 16, 30, 40) if real else (4, 2, 3, 5)
    params = normal(draw, X=(T, m, n), h0=(m, h), Wg=(n + h, 2 * h), bg=(2 * h,), Wc=(n + h, h), bc=(h,))
    params = {k: v * (h**-0.5 if k.startswith("W") else 1.0) for k, v in params.items()}

    def backward(p, G):
        dX, dh0, rest = gru.backward(G, p["X"], p["Wg"], p["Wc"], gru.forward(**p))
        return {"X": dX, "h0": dh0, **rest}

    return vjp(lambda p: np.stack([h for h, _, _ in gru.forward(**p)[1:]]), backward, params, draw)


def attention_problem(masked):
    def build(draw, real):
        m, T, depth, width = (4, 30, 16, 24) if real else (2, 4, 3, 5)
        params = normal(draw, Q=(m, T, depth), K=(m, T, depth), V=(m, T, width))
        allowed = attention.causal(T) if masked else None

        def backward(p, G):
            weights = attention.forward(**p, allowed=allowed)[1]
            return dict(zip(p, attention.backward(G, weights, **p), strict=True))

        return vjp(lambda p: attention.forward(**p, allowed=allowed)[0], backward, params, draw)

    return build


def attention_rectangular(draw, real):
    m, queries, keys = (4, 30, 50) if real else (2, 4, 3)
    params = normal(draw, Q=(m, queries, 3), K=(m, keys, 3), V=(m, keys, 5))

    def backward(p, G):
        return dict(zip(p, attention.backward(G, attention.forward(**p)[1], **p), strict=True))

    return vjp(lambda p: attention.forward(**p)[0], backward, params, draw)


def multi_head(draw, real):
    m, T, width, heads = (4, 20, 32, 4) if real else (2, 3, 6, 2)
    params = normal(draw, X=(m, T, width), Wq=(width, width), Wk=(width, width), Wv=(width, width), Wo=(width, width))
    params = {k: v * (width**-0.5 if k.startswith("W") else 1.0) for k, v in params.items()}
    allowed = attention.causal(T)

    def backward(p, G):
        _, kept = multi_head_attention.forward(**p, heads=heads, allowed=allowed)
        return dict(zip(p, multi_head_attention.backward(G, kept, **p, heads=heads), strict=True))

    return vjp(lambda p: multi_head_attention.forward(**p, heads=heads, allowed=allowed)[0], backward, params, draw)


def tied(draw, real):
    m, n, h = (100, 64, 16) if real else (4, 5, 3)
    X, net = draw.normal(size=(m, n)), tied_autoencoder
    params = {k: 0.3 * v for k, v in normal(draw, W=(n, h), b=(h,), c=(n,)).items()}

    def gradients(p):
        return dict(zip(p, net.backward(X, p["W"], *net.forward(X, **p)), strict=True))

    return Problem(lambda p: net.loss(net.forward(X, **p)[1], X), params, gradients)


def skip_gram(draw, real):
    words, depth, pairs = (200, 32, 300) if real else (5, 3, 4)
    centre = draw.integers(0, words, pairs) if real else np.array([1, 1, 4, 0])
    others = draw.integers(0, words, (pairs, 6)) if real else np.array([[0, 2, 2], [4, 1, 2], [3, 3, 3], [1, 0, 2]])
    net = word2vec

    def gradients(p):
        scores = net.scores(**p, centre=centre, others=others)
        return dict(zip(p, net.backward(scores, **p, centre=centre, others=others), strict=True))

    return Problem(
        lambda p: net.loss(net.scores(**p, centre=centre, others=others)),
        normal(draw, V=(words, depth), U=(words, depth)),
        gradients,
    )


def residual_problem(draw, real):
    m, n, h = (64, 50, 80) if real else (4, 3, 5)
    params = normal(draw, X=(m, n), W1=(n, h), b1=(h,), W2=(h, n), b2=(n,))

    def backward(p, G):
        _, Z1 = residual.forward(**p)
        return dict(zip(p, residual.backward(G, p["X"], Z1, p["W1"], p["W2"]), strict=True))

    return vjp(lambda p: residual.forward(**p)[0], backward, params, draw)


def probabilities(Z):
    return activations.softmax(Z)


PROBLEMS = {
    "single-sample": single_sample,
    "features-first": features_first,
    "column-activations": column_activations,
    "batch-form": batch_form,
    "deep-network": deep,
    "delta-rule": delta,
    "admissions": admissions_epoch,
    "logistic": logistic,
    "softmax-regression": softmax_classifier,
    "mlp-relu-logits": plan_problem("relu", "linear", "cross_entropy_from_logits"),
    "mlp-tanh-softmax-columns": plan_problem("tanh", "softmax", "cross_entropy", rows=False),
    "mlp-sigmoid-bce-decay": plan_problem("sigmoid", "sigmoid", "binary_cross_entropy", decay=0.3),
    "mlp-leaky-mse-columns-decay": plan_problem("leaky_relu", "linear", "squared_error", rows=False, decay=0.1),
    "mlp-tanh-bce-logits-dropout": plan_problem("tanh", "linear", "binary_cross_entropy_from_logits", keep=0.7),
    "mlp-sigmoid-dropout-columns": plan_problem("sigmoid", "softmax", "cross_entropy", rows=False, keep=0.7, decay=0.1),
    "mlp-relu-softmax-mse": plan_problem("relu", "softmax", "squared_error"),
    "loss-squared-error": loss_problem("squared_error", lambda Z: Z),
    "loss-binary": loss_problem("binary_cross_entropy", activations.sigmoid),
    "loss-binary-logits": loss_problem("binary_cross_entropy_from_logits", lambda Z: Z),
    "loss-categorical": loss_problem("cross_entropy", probabilities),
    "loss-categorical-logits": loss_problem("cross_entropy_from_logits", lambda Z: Z),
    **{f"activation-{name}": activation_problem(name) for name in activations.ELEMENTWISE},
    "activation-softmax-rows": softmax_problem(1),
    "activation-softmax-columns": softmax_problem(0),
    "dense-rows": dense_rows,
    "dense-columns": dense_columns,
    "decay-and-dropout": decay_and_dropout,
    "batch-norm-train": batch_norm_train,
    "batch-norm-eval": batch_norm_eval,
    "layer-norm": layer_norm_problem,
    "convolution": convolution_problem(1, 0),
    "convolution-stride-padding": convolution_problem(2, 1),
    "convolution-stride-leaves-a-rest": convolution_problem(3, 2),
    "max-pooling-overlapping": max_pooling(3, 2),
    "max-pooling-side-by-side": max_pooling(2, 2),
    "average-pooling-overlapping": average_pooling(3, 1),
    "embedding": embedding_problem,
    "recurrent": recurrent_problem,
    "lstm": lstm_problem,
    "gru": gru_problem,
    "attention": attention_problem(masked=False),
    "attention-causal": attention_problem(masked=True),
    "attention-rectangular": attention_rectangular,
    "multi-head": multi_head,
    "tied-autoencoder": tied,
    "word2vec": skip_gram,
    "residual": residual_problem,
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_every_entry_in_small_odd_sizes(name):
    problem = PROBLEMS[name](np.random.default_rng(7), real=False)
    report = gradcheck(problem.loss, problem.params, problem.gradients(problem.params), mode="full", seed=1)
    assert report.decided, str(report)


@pytest.mark.parametrize("name", PROBLEMS)
def test_random_directions_in_real_sizes(name):
    problem = PROBLEMS[name](np.random.default_rng(8), real=True)
    report = gradcheck(problem.loss, problem.params, problem.gradients(problem.params), mode="projection", seed=2)
    assert report.decided, str(report)


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_check_sees_one_wrong_entry(name):
    """A checker is trusted only for what it rejects: one entry off by one part in a hundred of the largest."""
    problem = PROBLEMS[name](np.random.default_rng(7), real=False)
    gradients = problem.gradients(problem.params)
    parameter = list(problem.params)[list(PROBLEMS).index(name) % len(problem.params)]  # each takes its turn
    spoilt = {key: np.array(value) for key, value in gradients.items()}
    spoilt[parameter].flat[-1] += 0.01 * np.abs(spoilt[parameter]).max() + 1e-6
    report = gradcheck(problem.loss, problem.params, spoilt, mode="full", seed=1)
    assert [row.name for row in report.wrong()] == [parameter], str(report)
