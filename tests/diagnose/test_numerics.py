"""Data and numbers that cannot be right: samples parted from their targets, NaN, networks that cannot start."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import Edits, blamed_line, edited, findings, repaired

ORDER = "    order = np.random.permutation(len(data))\n    data, score = data[order], score[order]"
SLICES = "    for k in range(0, len(data), 16):\n        losses.append(model.fit(data[k : k + 16], score[k : k + 16]))"
DRAWN = (
    "    for k in range(4):\n"
    "        bx = data[np.random.choice(64, 16)]\n"
    "        by = score[np.random.choice(64, 16)]\n"
    "        losses.append(model.fit(bx, by))"
)
TWO_SHUFFLES = "    np.random.shuffle(data)\n    np.random.shuffle(score)"
ONE_SHUFFLE = "    np.random.shuffle(data)"
APART = "    order = np.random.permutation(len(data))\n    mixed, scores = data[order], score[order]"
MIXED = SLICES.replace("data", "mixed")
IMPORTS = ("import numpy as np\n", "import random\n\nimport numpy as np\n")
JOINED = "    both = np.hstack([data, score])\n    random.shuffle(both)\n    data, score = both[:, :4], both[:, 4:]"
PRINTED = "(1 - wanted) * np.log(1 - out)))"
SIGMOID = "out = 1 / (1 + np.exp(-(h2 @ C + c)))"
SQUARED = [
    (
        "print(turn, -np.mean(wanted * np.log(out) + (1 - wanted) * np.log(1 - out)))",
        "print(turn, np.mean((wanted - out) ** 2))",
    ),
    ("e3 = (out - wanted) / n", "e3 = (out - wanted) / n * out * (1 - out)"),
]
ZEROS = [(f"rng.randn({shape}) * 0.6", f"np.zeros(({shape}))") for shape in ("3, 4", "4, 4", "4, 1")]

#     id, program, edits, texts of which the blamed line holds one, code
MISTAKES: list[tuple[str, str, Edits, set[str], str]] = [
    ("shuffled one by one", "minibatches", [(ORDER, TWO_SHUFFLES)], {"np.random.shuffle"}, "SC407"),
    (
        "two permutations",
        "minibatches",
        [("score[order]", "score[np.random.permutation(64)]")],
        {"score[np.random"},
        "SC407",
    ),
    (
        "only the inputs",
        "minibatches",
        [("data, score = data[order], score[order]", "data = data[order]")],
        {"data = data"},
        "SC407",
    ),
    ("only the inputs, in place", "minibatches", [(ORDER, ONE_SHUFFLE)], {"np.random.shuffle"}, "SC407"),
    ("the shuffled targets unread", "minibatches", [(ORDER, APART), (SLICES, MIXED)], {"score[k"}, "SC407"),
    ("two drawings", "minibatches", [(SLICES, DRAWN)], {"bx =", "by ="}, "SC407"),
    (
        "once, before training",
        "inline",
        [("n = len(seen)\n", "n = len(seen)\nrng.shuffle(seen)\nrng.shuffle(wanted)\n")],
        {"rng.shuffle"},
        "SC407",
    ),
    ("random.shuffle of an array", "minibatches", [IMPORTS, (ORDER, JOINED)], {"random.shuffle"}, "SC409"),
    (
        "logarithm of a rounded output",
        "inline",
        [(PRINTED, PRINTED.replace("1 - out", "1 - np.round(out)"))],
        {"np.log"},
        "SC502",
    ),
    (
        "softmax of large scores",
        "stacked",
        [
            ("np.exp(scores - scores.max(axis=1, keepdims=True))", "np.exp(scores)"),
            ("rng.normal(size=(60, 2))", "rng.normal(size=(60, 2)) * 3000"),
        ],
        {"np.exp(scores)"},
        "SC501",
    ),
    ("Adam's step stays at zero", "minibatches", [("        self.steps += 1\n", "")], {"mh = m /"}, "SC501"),
    (
        "steps far too long",
        "minibatches",
        [
            (
                "        self.adam(grads)\n",
                (
                    "        for name, g in grads.items():\n"
                    "            setattr(self, name, getattr(self, name) - 30.0 * g)\n"
                ),
            )
        ],
        {"grads = ", "mid =", "guess", "inner =", "grads[", "setattr", "return self.mid"},
        "SC501",
    ),
    (
        "weights far too large",
        "inline",
        [("rng.randn(3, 4) * 0.6", "rng.randn(3, 4) * 600 + 500")],
        {"A, a ="},
        "SC503",
    ),
    ("weights of zero", "inline", ZEROS, {"A, a =", "B, b =", "C, c ="}, "SC504"),
    (
        "all weights the same, in lists",
        "lists",
        [("rng.randn(o, i) / np.sqrt(i)", "np.full((o, i), 0.3)")],
        {"np.full"},
        "SC504",
    ),
    (
        "all weights the same, by keys",
        "keyed",
        [("rng.randn(sizes[k], sizes[k - 1]) * 0.5", "np.ones((sizes[k], sizes[k - 1])) * 0.1")],
        {"np.ones"},
        "SC504",
    ),
    ("targets beyond a sigmoid", "inline", [*SQUARED, ("> 0.2).astype(float)", ") * 3")], {"out ="}, "SC505"),
    (
        "beyond a sigmoid that all layers share",
        "inline",
        [
            ("n = len(seen)\n", "n = len(seen)\n\n\ndef squash(v):\n    return 1 / (1 + np.exp(-v))\n\n\n"),
            ("h2 = np.tanh(h1 @ B + b)", "h2 = squash(h1 @ B + b)"),
            ("(1 - h2**2)", "h2 * (1 - h2)"),
            (SIGMOID, "out = squash(h2 @ C + c)"),
            SQUARED[0],
            SQUARED[1],
            ("> 0.2).astype(float)", ") * 3"),
        ],
        {"out = squash"},
        "SC505",
    ),
    (
        "beyond the sigmoid of a method",
        "lists",
        [("float(x.sum() > 1.5)", "4 * x.sum()"), ("float(x[0, 0] > x[1, 0])", "-1.0")],
        {"acts.append"},
        "SC505",
    ),
    (
        "softmax of one unit",
        "inline",
        [
            (SIGMOID, "raw = np.exp(h2 @ C + c)\n    out = raw / raw.sum(axis=1, keepdims=True)"),
            ("np.log(1 - out)", "np.log(1 - out + 1e-9)"),
        ],
        {"out = raw"},
        "SC506",
    ),
]

#     id, program, edits
RIGHT: list[tuple[str, str, Edits]] = [
    (
        "both shuffled under names of their own",
        "minibatches",
        [(ORDER, APART), (SLICES, MIXED.replace("score[k", "scores[k"))],
    ),
    (
        "the same seed before each shuffle",
        "minibatches",
        [
            (
                ORDER,
                (
                    "    np.random.seed(epoch)\n"
                    "    np.random.shuffle(data)\n"
                    "    np.random.seed(epoch)\n"
                    "    np.random.shuffle(score)"
                ),
            )
        ],
    ),
    (
        "one drawing for both",
        "minibatches",
        [
            (
                SLICES,
                DRAWN.replace(
                    "        bx = data[np.random.choice(64, 16)]",
                    "        some = np.random.choice(64, 16)\n        bx = data[some]",
                ).replace("score[np.random.choice(64, 16)]", "score[some]"),
            )
        ],
    ),
    (
        "a shuffled list of pairs",
        "lists",
        [("    order = rng.permutation(len(pairs))\n", "    rng.shuffle(pairs)\n    order = range(len(pairs))\n")],
    ),
    (
        "an exponential that overflows harmlessly",
        "inline",
        [(SIGMOID, SIGMOID + "\n    far = 1 / (1 + np.exp(-1000 * (h2 @ C + c) - 1000))")],
    ),
    (
        "an infinite best loss, and a mask",
        "inline",
        [
            ("n = len(seen)\n", "n = len(seen)\nbest = np.inf\n"),
            (
                SIGMOID,
                SIGMOID
                + (
                    "\n"
                    "    best = min(best, float(np.mean((out - wanted) ** 2)))\n"
                    "    masked = np.where(out > 2, -np.inf, out)"
                ),
            ),
        ],
    ),
    ("a last layer of zeros", "inline", [ZEROS[2]]),
    ("targets of the output's range", "inline", SQUARED),
]


@pytest.mark.parametrize(
    ("program", "edits", "lines", "code"), [m[1:] for m in MISTAKES], ids=[m[0].replace(" ", "-") for m in MISTAKES]
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_place_is_named(tmp_path: Path, program: str, edits: Edits, lines: set[str], code: str) -> None:
    text = edited(program, edits)
    found = findings(tmp_path, text)
    assert [f.code for f in found] == [code]
    assert any(part in blamed_line(text, found[0]) for part in lines)


@pytest.mark.parametrize(("program", "edits"), [r[1:] for r in RIGHT], ids=[r[0].replace(" ", "-") for r in RIGHT])
def test_what_is_harmless_is_left_alone(tmp_path: Path, program: str, edits: Edits) -> None:
    assert findings(tmp_path, edited(program, edits)) == []


def test_one_regression_on_zeros_is_right(tmp_path: Path) -> None:
    text = """\
import numpy as np

rng = np.random.RandomState(0)
X = rng.randn(50, 3)
y = (X @ np.array([[1.0], [-2.0], [0.5]]) > 0).astype(float)
w, b = np.zeros((3, 1)), 0.0
for _ in range(100):
    p = 1 / (1 + np.exp(-(X @ w + b)))
    w -= 0.1 * X.T @ (p - y)
    b -= 0.1 * float(np.sum(p - y))
print(np.mean((p > 0.5) == y))
"""
    assert findings(tmp_path, text) == []


ALL_ZERO = """\
import numpy as np

rng = np.random.RandomState(3)
X, Y = rng.randn(2, 8), np.repeat([0.0, 1.0], 4)[None, :]
net = {}
for k, (i, o) in enumerate([(2, 4), (4, 3), (3, 1)], 1):
    net[f"W{k}"] = np.zeros((o, i))
    net[f"b{k}"] = np.zeros((o, 1))


def forward(x):
    kept = {"A0": x}
    for k in (1, 2):
        kept[f"Z{k}"] = net[f"W{k}"] @ kept[f"A{k - 1}"] + net[f"b{k}"]
        kept[f"A{k}"] = np.maximum(kept[f"Z{k}"], 0)
    kept["Z3"] = net["W3"] @ kept["A2"] + net["b3"]
    kept["A3"] = 1 / (1 + np.exp(-kept["Z3"]))
    return kept


def backward(y, kept):
    grads, d = {}, kept["A3"] - y
    for k in (3, 2, 1):
        grads[f"W{k}"] = d @ kept[f"A{k - 1}"].T / 8
        grads[f"b{k}"] = d.sum(axis=1, keepdims=True) / 8
        if k > 1:
            d = (net[f"W{k}"].T @ d) * (kept[f"Z{k - 1}"] > 0)
    return grads


for _ in range(6):
    kept = forward(X)
    p = np.clip(kept["A3"], 1e-9, 1 - 1e-9)
    cost = -np.mean(Y * np.log(p) + (1 - Y) * np.log(1 - p))
    grads = backward(Y, kept)
    for name in net:
        net[name] -= 0.1 * grads[name]
print(cost)
"""


def test_zero_weights_and_balanced_classes_say_nothing_of_the_error(tmp_path: Path) -> None:
    (found,) = findings(tmp_path, ALL_ZERO)
    assert found.code == "SC504"
    assert "np.zeros((o, i))" in blamed_line(ALL_ZERO, found)
    assert findings(tmp_path, ALL_ZERO.replace("np.zeros((o, i))", "rng.randn(o, i)")) == []


#     id of the mistake, text that the first fix puts in
MENDED = [
    ("shuffled one by one", "score[:] = score[order]"),
    ("only the inputs", "score = score[order]"),
    ("only the inputs, in place", "score[:] = score[order]"),
    ("the shuffled targets unread", "mixed[k : k + 16], scores[k"),
    ("logarithm of a rounded output", "+ 1e-12"),
    ("all weights the same, in lists", "np.random.randn(o, i)"),
]


@pytest.mark.parametrize(("mistake", "put_in"), MENDED, ids=[m[0].replace(" ", "-") for m in MENDED])
def test_after_the_repair_the_mistake_is_gone(tmp_path: Path, mistake: str, put_in: str) -> None:
    program, edits = next(m[1:3] for m in MISTAKES if m[0] == mistake)
    text = edited(program, edits)
    fixes = findings(tmp_path, text, trials=True)[0].fixes
    assert "not found in it any more" in fixes[0].summary
    mended = repaired(text, fixes[0])
    assert put_in in mended
    assert findings(tmp_path, mended) == []


PENALTY = """\
import numpy as np

rng = np.random.default_rng(4)
x = rng.normal(size=(30, 3))
t = (x[:, :1] > 0).astype(float)
w, strength = rng.normal(size=(3, 1)), 0.1


def cost(w, strength):
    p = 1 / (1 + np.exp(-x @ w))
    entropy = -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p))
    return entropy + strength / 60 * np.sum(w**2), (x.T @ (p - t) + strength * w) / 30


for turn in range(200):
    value, slope = cost(w, strength)
    w = w - slope
print(value)
"""


def test_a_counter_for_what_the_caller_has_by_that_name(tmp_path: Path) -> None:
    assert findings(tmp_path, PENALTY) == []
    text = PENALTY.replace("slope = cost(w, strength)", "slope = cost(w, turn)")
    (found,) = findings(tmp_path, text, trials=True)
    assert (found.cause.source, found.fixes[0].confidence) == ("turn", "verified")
    assert repaired(text, found.fixes[0]) == PENALTY
