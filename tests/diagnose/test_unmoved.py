"""Arrays that nothing moves, steps that have nothing to do with a gradient, targets that the first delta forgot."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import Edits, blamed_line, edited, edited_text, findings, repaired

N = "n = len(seen)\n"
OUT = "    out = 1 / (1 + np.exp(-(h2 @ C + c)))"
STEP_OF_B = "    B -= rate * gB\n"
PULLED = (
    "    m += 0.1 * (gB - m)\n"
    "    v += 0.01 * (gB**2 - v)\n"
    "    grown = turn + 1\n"
    "    B -= 0.02 * m / (1 - 0.9**grown) / (np.sqrt(v / (1 - 0.99**grown)) + 1e-8)\n"
)
STEPS = [f"    {name} -= rate * g{name}\n" for name in "CcBbAa"]
GRADIENTS = {
    "C": "    gC = h2.T @ e3\n",
    "c": "    gc = e3.sum(axis=0, keepdims=True)\n",
    "B": "    gB = h1.T @ e2\n",
    "b": "    gb = e2.sum(axis=0, keepdims=True)\n",
    "A": "    gA = seen.T @ e1\n",
    "a": "    ga = e1.sum(axis=0, keepdims=True)\n",
}
DELTAS = ["    e2 = e3 @ C.T * (1 - h2**2)\n", "    e1 = e2 @ B.T * (1 - h1**2)\n"]
OFFSETS = [
    ("rng.randn(3, 4) * 0.6, np.zeros((1, 4))", "rng.randn(3, 4) * 0.6, np.full((1, 4), 0.3)"),
    ("rng.randn(4, 4) * 0.6, np.zeros((1, 4))", "rng.randn(4, 4) * 0.6, np.full((1, 4), 0.3)"),
    ("rng.randn(4, 1) * 0.6, np.zeros((1, 1))", "rng.randn(4, 1) * 0.6, np.full((1, 1), 0.3)"),
]
NO_LOSS = (
    "        print(turn, -np.mean(wanted * np.log(out) + (1 - wanted) * np.log(1 - out)))",
    "        print(turn, np.mean((out > 0.5) == wanted))",
)
MIDDLE = "        self.mid = np.maximum(0, x @ self.w_in + self.b_in)\n"
DROPOUT = [(MIDDLE, MIDDLE + "        self.mid = self.mid * keep\n"), ("* (self.mid > 0)", "* (self.mid > 0) * keep")]
ORDERED = "    order = np.random.permutation(len(data))\n    data, score = data[order], score[order]\n"
SLICES = "        losses.append(model.fit(data[k : k + 16], score[k : k + 16]))"


def without(names: str) -> Edits:
    """Neither the gradients nor the steps of some arrays."""
    return [(text, "") for name in names for text in (f"    {name} -= rate * g{name}\n", GRADIENTS[name])]


def drawn(targets: str) -> Edits:
    """Mini-batches by one order for each epoch, and a mask of dropout for each of them."""
    batch = "        some = order[k : k + 16]\n        keep = (np.random.rand(16, 8) < 0.8) / 0.8\n"
    fit = f"        losses.append(model.fit(data[some], score[{targets}]))"
    return [*DROPOUT, (ORDERED, ORDERED.partition("    data")[0]), (SLICES, batch + fit)]


#     id, program, edits, texts of which the blamed line holds one, code
MISTAKES: list[tuple[str, str, Edits, set[str], str]] = [
    ("weight of the first layer", "inline", without("A"), {"a -="}, "SC406"),
    ("weight of a middle layer", "inline", without("B"), {"b -="}, "SC406"),
    ("bias of the last layer", "inline", without("c"), {"C -="}, "SC406"),
    (
        "bias of the last layer, of copies of what was drawn",
        "inline",
        [
            *without("c"),
            *((f"rng.randn({s}) * 0.6", f"np.array(rng.randn({s}) * 0.6)") for s in ("3, 4", "4, 4", "4, 1")),
        ],
        {"C -="},
        "SC406",
    ),
    ("no weight of an object", "minibatches", [('        grads["w_in"] = x.T @ inner\n', "")], {"setattr"}, "SC406"),
    ("nothing is updated", "inline", [(step, "") for step in STEPS], set(GRADIENTS.values()), "SC406"),
    ("no optimizer is asked", "stacked", [("    opt.step()\n", "")], {"self.gK", "self.gs"}, "SC406"),
    ("a step with a transposed bias", "inline", [(STEP_OF_B, "    B -= rate * b.T\n")], {"B -= rate * b.T"}, "SC305"),
    ("a step of the rate alone", "inline", [("    b -= rate * gb", "    b -= rate")], {"b -= rate"}, "SC309"),
    ("a step of the array itself", "inline", [(STEP_OF_B, "    B -= B * gB\n")], {"B -= B * gB"}, "SC309"),
    (
        "a sum of activations",
        "inline",
        [("    a -= rate * ga", "    a -= rate * h1.sum(axis=0, keepdims=True)")],
        {"a -= rate * h1"},
        "SC309",
    ),
    (
        "a sum that nobody kept",
        "inline",
        [(GRADIENTS["B"], "    gB = np.zeros_like(B)\n    gB + h1.T @ e2\n")],
        {"B -= rate", "gB"},
        "SC406",
    ),
    (
        "the target forgotten",
        "inline",
        [("e3 = (out - wanted) / n", "e3 = out / n"), NO_LOSS],
        {"e3 = out"},
        "SC306",
    ),
    (
        "the target forgotten, weighted inputs kept",
        "inline",
        [
            ("e3 = (out - wanted) / n", "e3 = out / n"),
            (OUT, "    z3 = h2 @ C + c\n    out = 1 / (1 + np.exp(-z3))"),
            NO_LOSS,
        ],
        {"e3 = out"},
        "SC306",
    ),
    ("the target added", "inline", [("(out - wanted)", "(out + wanted)"), NO_LOSS], {"e3 = (out + wanted)"}, "SC303"),
    ("an order for the inputs only", "minibatches", drawn("k : k + 16"), {"data[some]"}, "SC407"),
]

#     id, program, edits
RIGHT: list[tuple[str, str, Edits]] = [
    ("a first layer frozen", "inline", without("Aa")),
    ("only the read-out learns", "inline", [*without("BbAa"), *[(delta, "") for delta in DELTAS]]),
    ("fixed offsets in all layers", "inline", [*OFFSETS, *without("abc")]),
    ("a last layer without a bias", "inline", [("h2 @ C + c", "h2 @ C"), *without("c")]),
    (
        "a target network, mixed",
        "inline",
        [(N, N + "slow = B.copy()\n"), (STEP_OF_B, STEP_OF_B + "    slow = 0.1 * B + (1 - 0.1) * slow\n")],
    ),
    (
        "a target network, pulled",
        "inline",
        [(N, N + "slow = B.copy()\n"), (STEP_OF_B, STEP_OF_B + "    slow += 0.1 * (B - slow)\n")],
    ),
    (
        "Adam, its memories pulled",
        "inline",
        [
            (N, N + "m, v = np.zeros_like(B), np.zeros_like(B)\n"),
            (
                STEP_OF_B,
                PULLED,
            ),
        ],
    ),
    (
        "AdaGrad, its memory of zeros",
        "inline",
        [
            (N, N + "squares = np.zeros((4, 4))\n"),
            (STEP_OF_B, "    squares = squares + gB**2\n    B -= 0.05 * gB / (np.sqrt(squares) + 1e-8)\n"),
        ],
    ),
    (
        "a running mean of activations",
        "inline",
        [
            (N, N + "middle = np.zeros((1, 4))\n"),
            (OUT, OUT + "\n    middle += 0.1 * (h2.mean(axis=0, keepdims=True) - middle)"),
        ],
    ),
    (
        "an autoencoder",
        "inline",
        [
            ("wanted = (np.sin(seen[:, :1]) + seen[:, 1:2] * seen[:, 2:] > 0.2).astype(float)", "wanted = seen"),
            ("C, c = rng.randn(4, 1) * 0.6, np.zeros((1, 1))", "C, c = rng.randn(4, 3) * 0.6, np.zeros((1, 3))"),
            ("1 / (1 + np.exp(-(h2 @ C + c)))", "h2 @ C + c"),
            (NO_LOSS[0], "        print(turn, np.mean((out - wanted) ** 2))"),
        ],
    ),
    ("a mask for each batch, one order for both", "minibatches", drawn("some")),
]

GRAPH = """\
import numpy as np

rng = np.random.default_rng(5)
near = rng.random((20, 20)) / 10
traits = rng.normal(size=(20, 4))
group = (near @ traits[:, :1] > 0).astype(float)
P, p = rng.normal(size=(4, 5)) * 0.5, np.zeros(5)
Q, q = rng.normal(size=(5, 1)) * 0.5, np.zeros(1)
for turn in range(40):
    hidden = np.tanh(near @ (traits @ P) + p)
    guess = 1 / (1 + np.exp(-(near @ (hidden @ Q) + q)))
    top = (guess - group) / 20
    gQ, gq = hidden.T @ (near.T @ top), top.sum(axis=0)
    low = (near.T @ top) @ Q.T * (1 - hidden**2)
    gP, gp = traits.T @ (near.T @ low), low.sum(axis=0)
    P -= 0.5 * gP
    p -= 0.5 * gp
    Q -= 0.5 * gQ
    q -= 0.5 * gq
    if turn % 20 == 0:
        print(turn, np.mean((guess - group) ** 2))
"""
COLUMNS = """\
import numpy as np

rng = np.random.default_rng(14)
net = [[rng.normal(size=(4, 2)), np.zeros((4, 1))], [rng.normal(size=(1, 4)), np.zeros((1, 1))]]
pairs = [(p.reshape(2, 1), np.sin(3 * p[:1]).reshape(1, 1)) for p in rng.uniform(-1, 1, (8, 2))]
for turn in range(60):
    x, t = pairs[turn % 8]
    h = np.tanh(net[0][0] @ x + net[0][1])
    y = net[1][0] @ h + net[1][1]
    top = y - t
    low = net[1][0].T @ top * (1 - h**2)
    for (w, b), d, a in zip(net, (low, top), (x, h)):
        w -= 0.1 * d @ a.T
        b -= 0.1 * d
"""
# Columns of marks, and one unit that begins with zeros.
ONE_UNIT = """\
import numpy as np

rng = np.random.default_rng(2)
marks = rng.normal(size=(2, 30))
passed = (marks[:1] + 0.4 * marks[1:] > 0.4).astype(float)


def turn(theta, rate):
    w, b = theta
    guess = 1 / (1 + np.exp(-(np.dot(w, marks) + b)))
    error = guess - passed
    w = w - rate * np.dot(error, marks.T) / 30
    b = b - rate * error.sum(axis=1, keepdims=True) / 30
    return (w, b), guess


theta = (np.zeros((1, 2)), np.zeros((1, 1)))
for epoch in range(60):
    theta, guess = turn(theta, 0.5)
    if epoch % 20 == 0:
        print(-np.mean(passed * np.log(guess) + (1 - passed) * np.log(1 - guess)))
"""
BACKWARDS = """\
import numpy as np

rng = np.random.default_rng(9)
layers = [[rng.normal(size=(3, 4)), np.zeros((1, 4))], [rng.normal(size=(4, 2)), np.zeros((1, 2))]]
X = rng.normal(size=(9, 3))
T = np.sin(X[:, :2])


def slopes(outs):
    d, found = (outs[-1] - T) * (1 - outs[-1] ** 2) / 9, []
    for (w, _), a in zip(layers[::-1], outs[-2::-1]):
        found.append((a.T @ d, d.sum(axis=0, keepdims=True)))
        d = d @ w.T * (1 - a**2)
    return found[::-1]


for turn in range(20):
    outs = [X]
    for w, b in layers:
        outs.append(np.tanh(outs[-1] @ w + b))
    for layer, of in zip(layers, slopes(outs)):
        layer[0] -= 0.3 * of[0]
        layer[1] -= 0.3 * of[1]
"""


@pytest.mark.parametrize(
    ("program", "edits", "lines", "code"), [m[1:] for m in MISTAKES], ids=[m[0].replace(" ", "-") for m in MISTAKES]
)
def test_the_place_is_named(tmp_path: Path, program: str, edits: Edits, lines: set[str], code: str) -> None:
    text = edited(program, edits)
    found = findings(tmp_path, text)
    assert [f.code for f in found] == [code]
    line = blamed_line(text, found[0])
    assert any(part.strip() in line for part in lines), line


@pytest.mark.parametrize(("program", "edits"), [r[1:] for r in RIGHT], ids=[r[0].replace(" ", "-") for r in RIGHT])
def test_what_is_meant_to_stay_is_left_alone(tmp_path: Path, program: str, edits: Edits) -> None:
    assert findings(tmp_path, edited(program, edits)) == []


def test_biases_of_zeros_that_nothing_moves_are_named(tmp_path: Path) -> None:
    found = findings(tmp_path, edited("inline", without("abc")))
    assert [(f.code, f.parameters) for f in found] == [("SC406", (name,)) for name in "abc"]


def test_weights_of_zeros_that_nothing_moves_are_named(tmp_path: Path) -> None:
    kept = edited_text(ONE_UNIT, [("w = w - rate * np.dot(error, marks.T) / 30", "w = w")])
    (found,) = findings(tmp_path, kept)
    assert (found.code, found.parameters) == ("SC406", ("theta[0]",))


def test_zeros_that_a_moved_weight_meets_are_what_it_is_given(tmp_path: Path) -> None:
    begun = "for epoch in range(60):\n"
    recurrent = edited_text(
        ONE_UNIT,
        [
            (
                "    guess = 1 / (1 + np.exp(-(np.dot(w, marks) + b)))\n",
                "    guess = 1 / (1 + np.exp(-(np.dot(w, marks) + np.dot(w, start) + b)))\n",
            ),
            ("w = w - rate * np.dot(error, marks.T) / 30", "w = w - rate * np.dot(error, (marks + start).T) / 30"),
            (begun, "start = np.zeros((2, 30))\n" + begun),
        ],
    )
    assert findings(tmp_path, recurrent) == []


def test_the_neighbours_in_a_graph_are_no_weights(tmp_path: Path) -> None:
    assert findings(tmp_path, GRAPH) == []


def test_biases_as_large_as_what_one_sample_makes_of_them_are_named(tmp_path: Path) -> None:
    assert findings(tmp_path, COLUMNS) == []
    (found,) = findings(tmp_path, edited_text(COLUMNS, [("        b -= 0.1 * d\n", "")]), trials=True)
    assert (found.code, found.fixes[0].confidence) == ("SC406", "verified")


def test_what_is_handed_back_for_the_gradients_is_named(tmp_path: Path) -> None:
    assert findings(tmp_path, BACKWARDS) == []
    text = edited_text(BACKWARDS, [("return found[::-1]", "return d")])
    (found,) = findings(tmp_path, text, trials=True)
    assert (found.code, blamed_line(text, found).strip()) == ("SC309", "return d")
    assert repaired(text, found.fixes[0]) == BACKWARDS


# Unit by unit, each number in a loop of its own.
UNITS = """\
import math

import numpy as np

rng = np.random.RandomState(4)
W, b = rng.uniform(-1, 1, (3, 2)), np.array([0.1, -0.2, 0.3])
V, c = rng.uniform(-1, 1, (2, 3)), np.zeros(2)


def layer(M, s, x):
    out = []
    for j in range(len(M)):
        total = s[j]
        for i in range(len(x)):
            total += M[j, i] * x[i]
        out.append(1 / (1 + math.exp(-total)))
    return out


for x in rng.uniform(0, 1, (30, 2)):
    h = layer(W, b, x)
    o = layer(V, c, h)
    goal = [x[0] * x[1], 1 - x[0]]
    far = [(goal[k] - o[k]) * o[k] * (1 - o[k]) for k in range(2)]
    near = [sum(far[k] * V[k, j] for k in range(2)) * h[j] * (1 - h[j]) for j in range(3)]
    for k in range(2):
        for j in range(3):
            V[k, j] += 0.4 * far[k] * h[j]
        c[k] += 0.4 * far[k]
    for j in range(3):
        for i in range(2):
            W[j, i] += 0.4 * near[j] * x[i]
        b[j] += 0.4 * near[j]
print(o)
"""


def test_a_bias_that_is_read_unit_by_unit_is_missed(tmp_path: Path) -> None:
    assert findings(tmp_path, UNITS) == []
    (found,) = findings(tmp_path, UNITS.replace("        b[j] += 0.4 * near[j]\n", ""), trials=True)
    assert (found.code, found.parameters) == ("SC406", ("b",))
    assert repaired(UNITS.replace("        b[j] += 0.4 * near[j]\n", ""), found.fixes[0]) == UNITS


# Weights that are positive all over are rates of their own, as in exponentiated gradients.
SHARES = """\
import numpy as np

rng = np.random.default_rng(1)
X = rng.normal(size=(40, 5))
y = X @ np.array([0.1, 0.5, 0.2, 0.1, 0.1])
w = np.ones(5) / 5
for turn in range(50):
    w = w - 0.5 * w * (X.T @ (X @ w - y) / 40)
"""


def test_positive_weights_may_be_their_own_rates(tmp_path: Path) -> None:
    assert findings(tmp_path, SHARES) == []


# Without biases: of each layer one statement may be forgotten.
PAIR = """\
import numpy as np

rng = np.random.default_rng(6)
seen, goal = rng.normal(size=(30, 3)), rng.normal(size=(30, 2))
P, Q = rng.normal(size=(3, 5)), rng.normal(size=(5, 2))


def ones(a):
    return np.hstack([a, np.ones((len(a), 1))])[:, :-1]


for turn in range(40):
    h = np.tanh(ones(seen) @ P)
    top = (ones(h) @ Q - goal) / 30
    low = top @ Q.T * (1 - h**2)
    P -= 0.1 * ones(seen).T @ low
    Q -= 0.1 * ones(h).T @ top
"""
STEP_OF_P = "    P -= 0.1 * ones(seen).T @ low\n"
SLIDES = """\
import numpy as np

rng = np.random.default_rng(7)


class Slide:
    def __init__(self, width):
        self.k = rng.normal(size=width)

    def forward(self, s):
        self.s = s
        return np.correlate(s, self.k, mode="valid")

    def backward(self, d):
        self.dk = np.correlate(self.s, d, mode="valid")
        return np.convolve(d, self.k)


def learn(s, goal):
    h = np.tanh(first.forward(s))
    d = second.forward(h) - goal
    first.backward(second.backward(d) * (1 - h**2))
    first.k -= 0.01 * first.dk
    second.k -= 0.01 * second.dk


first, second = Slide(4), Slide(3)
for turn in range(40):
    learn(rng.normal(size=10), np.ones(5))
"""
STEP_OF_FIRST = "    first.k -= 0.01 * first.dk\n"
NOT_CALLED = ("    first.backward(second.backward(d) * (1 - h**2))\n", "    second.backward(d)\n")
ONE_BY_ONE = (
    "    first.backward(second.backward(d) * (1 - h**2))\n",
    "    for layer, slope in ((second, 1 - h**2), (first, 1)):\n        d = layer.backward(d) * slope\n",
)


@pytest.mark.parametrize(
    ("text", "edits", "place"),
    [
        pytest.param(PAIR, [(STEP_OF_P, "")], "low = ", id="the delta of a layer"),
        pytest.param(SLIDES, [(STEP_OF_FIRST, "")], "self.dk = ", id="a call of a layer's backward pass"),
    ],
)
def test_what_is_computed_for_nobody_shows_the_step_that_is_missing(
    tmp_path: Path, text: str, edits: Edits, place: str
) -> None:
    wrong = edited_text(text, edits)
    (found,) = findings(tmp_path, wrong, trials=True)
    assert (found.code, found.fixes[0].confidence) == ("SC406", "verified")
    assert place in wrong.splitlines()[found.location.line - 1]
    assert repaired(wrong, found.fixes[0]) == text


@pytest.mark.parametrize(
    ("text", "edits"),
    [
        pytest.param(PAIR, [], id="both are moved"),
        pytest.param(PAIR, [(STEP_OF_P, "    if turn > 50:\n    " + STEP_OF_P)], id="moved later"),
        pytest.param(SLIDES, [(STEP_OF_FIRST, ""), NOT_CALLED], id="a first layer left alone"),
        pytest.param(SLIDES, [(STEP_OF_FIRST, ""), ONE_BY_ONE], id="a loop goes over all layers"),
    ],
)
def test_a_layer_that_is_left_alone_is_no_mistake(tmp_path: Path, text: str, edits: Edits) -> None:
    assert findings(tmp_path, edited_text(text, edits), trials=True) == []
