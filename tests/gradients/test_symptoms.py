"""Every symptom: a wrong rule that is rejected and recognised, and its repaired twin that passes in silence."""

from __future__ import annotations

import json

import numpy as np
import pytest

from shapecheck.gradients.check import gradcheck

rng = np.random.default_rng(20)


class Net:
    """One hidden layer, half squared error / m, weight penalty; `bug` names what its backward gets wrong."""

    def __init__(self, bug="", hidden=6, out=6, m=11, activation="tanh"):
        self.bug, self.activation, self.decay = bug, activation, 0.0
        self.W1, self.b1 = rng.normal(size=(4, hidden)), rng.normal(size=(1, hidden))
        self.W2, self.b2 = rng.normal(size=(hidden, out)), rng.normal(size=(1, out))
        self.X, self.Y = rng.normal(size=(m, 4)), rng.normal(size=(m, out))

    @property
    def params(self):
        return {k: getattr(self, k) for k in ("W1", "b1", "W2", "b2")}

    def loss(self):
        self.Z1 = self.X @ self.W1 + self.b1
        self.A1 = {"tanh": np.tanh, "sigmoid": lambda z: 1 / (1 + np.exp(-z)), "relu": lambda z: np.maximum(0, z)}[
            self.activation
        ](self.Z1)
        self.out = self.A1 @ self.W2 + self.b2
        return 0.5 * np.sum((self.out - self.Y) ** 2) / len(self.X) + 0.5 * self.decay * np.sum(self.W1**2)

    def slope(self):
        right = {"tanh": 1 - self.A1**2, "sigmoid": self.A1 * (1 - self.A1), "relu": (self.Z1 > 0) * 1.0}
        if self.bug == "no slope":
            return 1.0
        if self.bug == "sigmoid's slope":
            return right["sigmoid"]
        if self.bug == "slope of the output, given the input":
            return 1 - self.Z1**2
        return right[self.activation]

    def grads(self):
        d = (self.out - self.Y) / len(self.X)
        self.dA1 = d @ self.W2.T
        d1 = self.dA1 * self.slope()
        self.dZ2 = d
        g = {"W1": self.X.T @ d1 + self.decay * self.W1, "b1": d1.sum(axis=0, keepdims=True)}
        return {**g, "W2": self.A1.T @ d, "b2": d.sum(axis=0, keepdims=True)}


def spoiled(net, change):
    def grads():
        g = net.grads()
        change(net, g)
        return g

    return grads


def times(name, factor):
    return lambda net, g: g.update({n: g[n] * factor for n in (g if name == "all" else [name])})


#    id      network      what is done to the right gradients      kind, parameters, in the message
CASES = [
    ("1/m missing", {}, times("all", 11), "factor", ("W1", "b1", "W2", "b2"), "11, the length of axis 0 of `self.X`"),
    ("1/m twice", {}, times("all", 1 / 11), "factor", ("W1", "b1", "W2", "b2"), "1/11"),
    ("2", {}, times("W1", 2), "factor", ("W1",), "2 times"),
    ("minus", {}, times("b2", -1), "factor", ("b2",), "minus the right one"),
    ("minus, all", {}, times("all", -1), "factor", ("W1", "b1", "W2", "b2"), "minus the right ones"),
    ("n_out", {"out": 7}, times("W2", 7), "factor", ("W2",), "7, the length of axis"),
    ("some number", {}, times("W2", 0.37), "factor", ("W2",), "0.37 times"),
    ("transposed", {}, lambda n, g: g.update(W2=g["W2"].T.copy()), "transposed", ("W2",), "transposed"),
    (
        "block transposed",
        {"out": 3},
        lambda n, g: g["W2"].__setitem__(np.s_[:3], g["W2"][:3].T.copy()),
        "transposed",
        ("W2",),
        "3 x 3 block",
    ),
    (
        "rows exchanged",
        {},
        lambda n, g: g["W2"].__setitem__([1, 4], g["W2"][[4, 1]]),
        "permuted",
        ("W2",),
        "rows 1 and 4 exchanged",
    ),
    ("reversed", {}, lambda n, g: g.update(W1=g["W1"][:, ::-1].copy()), "permuted", ("W1",), "reversed along axis 1"),
    ("shifted", {}, lambda n, g: g.update(W1=np.roll(g["W1"], 1, 0)), "permuted", ("W1",), "shifted by 1 along axis 0"),
    (
        "reshape in the wrong order",
        {},
        lambda n, g: g.update(W1=g["W1"].ravel("F").reshape(g["W1"].shape)),
        "permuted",
        ("W1",),
        "order",
    ),
    (
        "weight penalty missing",
        {"decay": 0.1},
        lambda n, g: g.update(W1=g["W1"] - 0.1 * n.W1),
        "missing term",
        ("W1",),
        "lacks the term 0.1 * W1",
    ),
    (
        "weight penalty twice",
        {"decay": 0.1},
        lambda n, g: g.update(W1=g["W1"] + 0.1 * n.W1),
        "missing term",
        ("W1",),
        "term too much: 0.1 * W1",
    ),
    (
        "only some rows",
        {},
        lambda n, g: g["W2"].__setitem__(np.s_[4:], 0),
        "some rows",
        ("W2",),
        "only 4 of the 6 rows",
    ),
    ("no slope", {"bug": "no slope"}, lambda n, g: None, "missing factor", ("W1", "b1"), "the derivative of tanh"),
    (
        "no sigmoid slope",
        {"bug": "no slope", "activation": "sigmoid"},
        lambda n, g: None,
        "missing factor",
        ("W1", "b1"),
        "the derivative of a sigmoid",
    ),
    (
        "no ReLU slope",
        {"bug": "no slope", "activation": "relu"},
        lambda n, g: None,
        "missing factor",
        ("W1", "b1"),
        "> 0)",
    ),
    (
        "another slope",
        {"bug": "sigmoid's slope"},
        lambda n, g: None,
        "missing factor",
        ("W1", "b1"),
        "where 1 - self.A1**2 belongs",
    ),
    (
        "slope at the wrong argument",
        {"bug": "slope of the output, given the input"},
        lambda n, g: None,
        "missing factor",
        ("W1", "b1"),
        "1 - self.Z1**2 where",
    ),
    (
        "bias summed over the wrong axis",
        {"m": 6},
        lambda n, g: g.update(b2=n.dZ2.sum(axis=1, keepdims=True).T),
        "wrong axis",
        ("b2",),
        "summed over axis 0 instead",
    ),
]


@pytest.mark.parametrize(
    ("how", "change", "kind", "parameters", "said"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_symptom(how, change, kind, parameters, said):
    how = dict(how)
    decay = how.pop("decay", 0.0)
    net, twin = Net(**how), Net(**{k: v for k, v in how.items() if k != "bug"})
    net.decay = twin.decay = decay
    report = gradcheck(net.loss, net.params, spoiled(net, change))
    assert {p.name for p in report.wrong()} == set(parameters), str(report)
    assert {s.kind for s in report.symptoms} == {kind}, str(report)
    assert {n for s in report.symptoms for n in s.parameters} == set(parameters)
    assert all(s.residual < 1e-6 for s in report.symptoms)
    assert said in str(report)
    json.dumps(report.to_dict(), allow_nan=False)
    clean = gradcheck(twin.loss, twin.params, twin.grads)
    assert clean.decided
    assert clean.symptoms == ()


def test_symptoms_of_float32_code():
    net = Net()
    for name, value in {**net.params, "X": net.X, "Y": net.Y}.items():
        setattr(net, name, value.astype(np.float32))
    report = gradcheck(net.loss, net.params, spoiled(net, times("all", 11)))
    assert [s.evidence["equals"].split(",")[0] for s in report.symptoms] == ["11"]


def test_nothing_is_said_where_nothing_fits():
    net = Net()
    noise = rng.normal(size=net.W2.shape)
    report = gradcheck(net.loss, net.params, spoiled(net, lambda n, g: g.update(W2=g["W2"] + noise)))
    assert report.wrong()
    assert report.symptoms == ()


def test_one_number_is_not_called_some_factor_of_another():
    x = np.array([1.5])
    assert gradcheck(lambda: float(x[0] ** 3), {"x": x}, {"x": np.array([4.1])}).symptoms == ()
    assert "2 times" in str(gradcheck(lambda: float(x[0] ** 3), {"x": x}, {"x": 6 * x**2}))


@pytest.mark.parametrize("seed", range(8))
def test_one_number_needs_more_than_a_factor(seed):
    own = np.random.default_rng(seed)
    w, b = own.normal(size=(3, 1)), own.normal(size=(1, 1))
    X, y = own.normal(size=(12, 3)), own.normal(size=(12, 1))
    kept = {}

    def loss():
        kept["a"] = np.tanh(X @ w + b)
        return 0.5 * np.mean((kept["a"] - y) ** 2)

    def backward(slope):
        kept["da"] = (kept["a"] - y) / len(X)
        kept["dz"] = kept["da"] * slope(kept["a"])
        return {"b": kept["dz"].sum(axis=0, keepdims=True)}

    say = lambda slope: gradcheck(loss, {"b": b}, lambda: backward(slope), values=kept)
    assert say(lambda a: own.normal(size=a.shape)).symptoms == ()  # nothing fits but for a factor
    assert "where 1 - a**2 belongs" in str(say(lambda a: a * (1 - a)))
    assert say(lambda a: 1 - a**2).decided


def test_symptoms_of_deep_networks_are_found_soon_and_at_the_last_layer():
    layers, m, n = 6, 60, 12
    own = np.random.default_rng(5)
    Ws = [own.normal(size=(n, n)) / np.sqrt(n) for _ in range(layers)]
    bs = [np.zeros((1, n)) for _ in range(layers)]
    X, Y = own.normal(size=(m, n)), own.normal(size=(m, n))
    kept = {}

    def loss():
        kept["a"] = [X]
        for W, b in zip(Ws, bs, strict=True):
            kept["a"].append(np.tanh(kept["a"][-1] @ W + b))
        return 0.5 * np.mean((kept["a"][-1] - Y) ** 2)

    def grads(slope):
        d = (kept["a"][-1] - Y) / Y.size * (1 - kept["a"][-1] ** 2)
        dW, db = [None] * layers, [None] * layers
        kept["d"] = [None] * layers
        for i in reversed(range(layers)):
            kept["d"][i], dW[i], db[i] = d, kept["a"][i].T @ d, d.sum(axis=0, keepdims=True)
            d = (d @ Ws[i].T) * slope(kept["a"][i])
        return {"W": dW, "b": db}

    params = {"W": Ws, "b": bs}
    report = gradcheck(loss, params, lambda: grads(lambda a: a * (1 - a)), values=kept, perturb=False)
    assert [(s.kind, s.parameters) for s in report.symptoms] == [("missing factor", ("b[4]",))], str(report)
    assert "where 1 - a[5]**2 belongs" in str(report)
    assert gradcheck(loss, params, lambda: grads(lambda a: 1 - a**2)).decided


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def test_the_diagonal_of_a_softmax():
    z, dout = rng.normal(size=(5, 4)), rng.normal(size=(5, 4))
    s = softmax(z)
    forward = lambda: softmax(z)
    report = gradcheck(forward, {"z": z}, {"z": dout * s * (1 - s)}, cotangent=dout)
    assert [x.kind for x in report.symptoms] == ["diagonal"]
    assert "Jacobian" in str(report)
    right = s * (dout - np.sum(dout * s, axis=1, keepdims=True))
    assert gradcheck(forward, {"z": z}, {"z": right}, cotangent=dout).decided


def test_the_diagonal_of_a_softmax_within_a_network():
    own = np.random.default_rng(1)
    X, T = own.normal(size=(9, 5)), np.eye(4)[own.integers(0, 4, 9)]
    params, kept = {"V": own.normal(size=(5, 4)), "c": own.normal(size=(1, 4))}, {}

    def loss():
        kept["p"] = softmax(X @ params["V"] + params["c"])
        return np.mean(np.sum((kept["p"] - T) ** 2, axis=1))

    def backward(*, whole):
        p = kept["p"]
        kept["dp"] = 2 * (p - T) / len(X)
        dz = p * (kept["dp"] - np.sum(kept["dp"] * p, axis=1, keepdims=True)) if whole else kept["dp"] * p * (1 - p)
        return {"V": X.T @ dz, "c": dz.sum(axis=0, keepdims=True)}

    (symptom,) = gradcheck(loss, params, lambda: backward(whole=False), values=kept).symptoms
    assert (symptom.kind, symptom.parameters, symptom.evidence["softmax of"]) == ("diagonal", ("V", "c"), "p")
    assert "rest on dp times the diagonal" in symptom.message
    assert gradcheck(loss, params, lambda: backward(whole=True), values=kept).decided


def test_a_slope_that_is_there_twice():
    own = np.random.default_rng(1)
    X, Y, W, kept = own.normal(size=(9, 5)), own.normal(size=(9, 4)), own.normal(size=(5, 4)), {}

    def loss():
        kept["a"] = 1 / (1 + np.exp(-X @ W))
        return np.mean((kept["a"] - Y) ** 2)

    def backward(times):
        kept["d"] = 2 * (kept["a"] - Y) / Y.size * (kept["a"] * (1 - kept["a"])) ** times
        return {"W": X.T @ kept["d"]}

    assert "has the factor a * (1 - a) too much" in str(gradcheck(loss, {"W": W}, lambda: backward(2), values=kept))
    assert gradcheck(loss, {"W": W}, lambda: backward(1), values=kept).decided


@pytest.mark.parametrize("kept", [True, False], ids=["contributions at hand", "contributions gone"])
def test_repeated_indices_overwritten(kept):
    E, ids, R = rng.normal(size=(8, 3)), np.array([1, 4, 4, 6, 1, 7]), rng.normal(size=(6, 3))
    loss = lambda: float(np.sum(E[ids] ** 2 * R))
    dout = 2 * E[ids] * R
    wrong, right = np.zeros_like(E), np.zeros_like(E)
    wrong[ids] = dout
    np.add.at(right, ids, dout)
    report = gradcheck(loss, {"E": E}, {"E": wrong}, values={"dout": dout} if kept else None)
    assert [s.kind for s in report.symptoms] == ["overwritten"]
    assert "more than once" in str(report)
    assert report.symptoms[0].evidence["rows"] == [1, 4]
    json.dumps(report.to_dict(), allow_nan=False)
    assert gradcheck(loss, {"E": E}, {"E": right}).decided


def test_an_elementwise_slope_missing_from_a_layer():
    z, dout = rng.normal(size=(5, 4)), rng.normal(size=(5, 4))
    report = gradcheck(lambda: np.tanh(z), {"z": z}, {"z": dout.copy()}, cotangent=dout)
    assert "lacks the factor 1 - tanh(z)**2" in str(report)
    report = gradcheck(lambda: np.tanh(z), {"z": z}, {"z": dout * (1 - z**2)}, cotangent=dout)
    assert "1 - z**2 where 1 - tanh(z)**2 belongs" in str(report)
    assert gradcheck(lambda: np.tanh(z), {"z": z}, {"z": dout * (1 - np.tanh(z) ** 2)}, cotangent=dout).symptoms == ()


def test_the_gradient_of_the_previous_step():
    x = np.array([1.0, 2.0, 4.0])
    old = x**2 * 3
    x -= 0.1 * old / 3
    report = gradcheck(lambda: float(np.sum(x**3)), {"x": x}, {"x": old}, previous={"x": old})
    assert [s.kind for s in report.symptoms] == ["previous step"]
    assert gradcheck(lambda: float(np.sum(x**3)), {"x": x}, {"x": 3 * x**2}, previous={"x": old}).decided


def test_a_gradient_that_does_not_follow_the_parameters():
    x = np.array([1.0, 2.0, 4.0])
    kept = 3 * x**2
    report = gradcheck(lambda: float(np.sum(x**3)), {"x": x}, lambda: {"x": kept})
    assert [s.kind for s in report.symptoms] == ["previous step"]
    assert "stayed the same" in str(report)
    assert gradcheck(lambda: float(np.sum(x**3)), {"x": x}, lambda: {"x": 3 * x**2}).decided
