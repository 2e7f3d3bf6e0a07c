"""Updates that are out of order, up the slope, stale, lost, doubled or never reset; right ones are left alone."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import NAMES, Edits, blamed_line, edited, findings, repaired

E3 = "    gc = e3.sum(axis=0, keepdims=True)\n"
SUMS = "        sm = [np.zeros_like(M) for M in self.mats]\n        so = [np.zeros_like(o) for o in self.offs]\n"
ADDED = "            sm = [s + g for s, g in zip(sm, gm)]\n            so = [s + g for s, g in zip(so, go)]\n"
KEPT = (
    "            self.sm = [s + g for s, g in zip(self.sm, gm)]\n"
    "            self.so = [s + g for s, g in zip(self.so, go)]\n"
    "        sm, so = self.sm, self.so\n"
)
BORN = "        self.offs = [np.zeros((o, 1)) for o in widths[1:]]\n"
BORN_WITH_SUMS = BORN + SUMS.replace("sm =", "self.sm =").replace("so =", "self.so =")
LOCAL = (
    "    dWin, dWrec, dWout = np.zeros_like(Win), np.zeros_like(Wrec), np.zeros_like(Wout)\n"
    "    dbh, dbo = np.zeros_like(bh), np.zeros_like(bo)\n"
)
GLOBAL = LOCAL.replace("    ", "") + "\n\ndef unroll(xs):"
LAYER_SUMS = [
    (
        "        self.gK = self.x.T @ top\n        self.gs = top",
        "        self.gK += self.x.T @ top\n        self.gs += top",
    ),
    (
        "        self.s = np.zeros(n_out)\n",
        (
            "        self.s = np.zeros(n_out)\n"
            "        self.gK = np.zeros_like(self.K)\n"
            "        self.gs = np.zeros_like(self.s)\n"
        ),
    ),
]
FORWARD = "    h1 = np.tanh(seen @ A + a)\n    h2 = np.tanh(h1 @ B + b)\n    out = 1 / (1 + np.exp(-(h2 @ C + c)))\n"
SHARED = (
    "        memory[key[0]] = drag * memory.get(key[0], 0) + g[key]\n        p[key] = p[key] - rate * memory[key[0]]"
)
MOMENTUM = "        memory[key] = drag * memory[key] + g[key]\n        p[key] = p[key] - rate * memory[key]"

#     id, program, edits, texts of which the blamed line holds one, code
MISTAKES: list[tuple[str, str, Edits, set[str], str]] = [
    (
        "updated before it is used, inline",
        "inline",
        [(E3, E3 + "    C -= rate * gC\n"), ("    C -= rate * gC\n    c -=", "    c -=")],
        {"C -= rate"},
        "SC401",
    ),
    (
        "a velocity that is turned round",
        "keyed",
        [("memory[key] = drag * memory[key] + g[key]", "memory[key] = g[key] - drag * memory[key]")],
        {"g[key] - drag"},
        "SC402",
    ),
    (
        "a velocity that is turned round, and climbs",
        "keyed",
        [
            ("memory[key] = drag * memory[key] + g[key]", "memory[key] = rate * g[key] - drag * memory[key]"),
            ("p[key] = p[key] - rate * memory[key]", "p[key] = p[key] + memory[key]"),
        ],
        {"rate * g[key] - drag"},
        "SC402",
    ),
    (
        "updated before it is used, in a layer",
        "stacked",
        [
            (
                "        below = top",
                "        self.K = self.K - 0.3 * self.gK\n        self.s = self.s - 0.3 * self.gs\n        below = top",
            ),
            ("    opt.step()\n", ""),
        ],
        {"self.K - 0.3"},
        "SC401",
    ),
    (
        "updated before it is used, by keys",
        "keyed",
        [
            (
                '        g["u%d" % k] = np.sum',
                '        p["V%d" % k] = p["V%d" % k] - 0.3 * g["V%d" % k]\n        g["u%d" % k] = np.sum',
            ),
            ("    for key in p:\n", "    for key in [k for k in p if k[0] == 'u']:\n"),
        ],
        {'p["V%d" % k] - 0.3'},
        "SC401",
    ),
    ("difference the wrong way round", "inline", [("(out - wanted) / n", "(wanted - out) / n")], {"e3 = "}, "SC402"),
    ("all added, with momentum", "keyed", [("p[key] - rate", "p[key] + rate")], {"p[key] + rate"}, "SC402"),
    (
        "all added, no loss computed",
        "lists",
        [("M - eta", "M + eta"), ("o - eta", "o + eta")],
        {"acts[-1] - t", "+ eta"},
        "SC402",
    ),
    ("all added, by an optimizer", "stacked", [("- self.rate *", "+ self.rate *")], {"+ self.rate"}, "SC402"),
    ("one of six added", "inline", [("B -= rate", "B += rate")], {"B += rate"}, "SC402"),
    (
        "three of six added",
        "inline",
        [(f"{bias} -= rate", f"{bias} += rate") for bias in "abc"],
        {"a += rate", "b += rate", "c += rate"},
        "SC402",
    ),
    ("taken from its own step", "inline", [("B -= rate * gB", "B = rate * gB - B")], {"B = rate"}, "SC402"),
    (
        "sums kept on the object",
        "lists",
        [(SUMS, ""), (ADDED, KEPT), (BORN, BORN_WITH_SUMS)],
        {"self.sm =", "self.so ="},
        "SC403",
    ),
    (
        "sums made once, for a recurrent net",
        "recurrent",
        [
            (LOCAL, ""),
            ("def unroll(xs):", GLOBAL),
            ("def back(xs, ts, hs, ys):\n", "def back(xs, ts, hs, ys):\n    global dWin, dWrec, dWout, dbh, dbo\n"),
        ],
        {"dWin", "dWout", "dbo", "dbh", "dWrec"},
        "SC403",
    ),
    ("layers add to their gradients", "stacked", LAYER_SUMS, {"self.gK", "self.gs"}, "SC403"),
    (
        "states written into one array",
        "recurrent",
        [
            (
                "        h = np.tanh(Win @ x + Wrec @ hs[-1] + bh)\n",
                "        h = hs[-1]\n        h[:] = np.tanh(Win @ x + Wrec @ h + bh)\n",
            )
        ],
        {"h[:] =", "h = hs", "hs.append"},
        "SC404",
    ),
    (
        "activation written over its argument",
        "minibatches",
        [
            (
                "        self.mid = np.maximum(0, x @ self.w_in + self.b_in)\n",
                "        self.pre = x @ self.w_in + self.b_in\n        self.mid = np.tanh(self.pre, out=self.pre)\n",
            ),
            ("* (self.mid > 0)", "* (1 - np.tanh(self.pre) ** 2)"),
        ],
        {"out=self.pre"},
        "SC404",
    ),
    (
        "bias of integers",
        "inline",
        [
            ("* 0.6, np.zeros((1, 1))", "* 0.6, np.zeros((1, 1), dtype=int)"),
            ("    c -= rate * gc", "    c[:] = c - rate * gc"),
        ],
        {"dtype=int"},
        "SC405",
    ),
    (
        "rebound in a loop over the weights",
        "recurrent",
        [("weight -= 0.05 * gradient", "weight = weight - 0.05 * gradient")],
        {"weight = weight"},
        "SC406",
    ),
    ("gradient that nobody applies", "inline", [("    a -= rate * ga\n", "")], {"A -= rate"}, "SC406"),
    (
        "twice, one after the other",
        "inline",
        [("    B -= rate * gB\n", "    B -= rate * gB\n    B -= rate * gB\n")],
        {"B -= rate"},
        "SC406",
    ),
    (
        "twice on one line",
        "inline",
        [("    B -= rate * gB\n", "    B -= rate * gB; B -= rate * gB\n")],
        {"B -= rate"},
        "SC406",
    ),
    (
        "in backward, and in step again",
        "stacked",
        [("        return below", "        self.s = self.s - 0.3 * self.gs\n        return below")],
        {"self.s = self.s", "setattr"},
        "SC406",
    ),
    (
        "forward pass before the loop",
        "inline",
        [(FORWARD, ""), ("for turn in", FORWARD.replace("    ", "") + "for turn in")],
        {"h1 =", "h2 =", "out ="},
        "SC408",
    ),
    (
        "backward pass before the loop",
        "keyed",
        [
            ("    g = slopes(p, saved, t)\n", ""),
            ("for i in range(150):", "saved = run(p, x)\ng = slopes(p, saved, t)\nfor i in range(150):"),
            ("memory[key] = drag * memory[key] + g[key]", "memory[key] = g[key]"),
        ],
        {"g = slopes"},
        "SC408",
    ),
    (
        "one velocity for all weights",
        "keyed",
        [
            (MOMENTUM, SHARED),
            ("start([2, 7, 5, 1], 4)", "start([2, 2, 2, 2], 4)"),
            ("np.sin(2 * x[:1]) * x[1:]", "np.sin(2 * x) * x[::-1]"),
        ],
        {"memory[key[0]]"},
        "SC410",
    ),
]

UPDATE_B = "    B -= rate * gB\n"
#     id, program, edits
RIGHT: list[tuple[str, str, Edits]] = [
    ("weight decay", "inline", [(UPDATE_B, "    B -= rate * (gB + 0.01 * B)\n")]),
    ("decay in place", "inline", [(UPDATE_B, "    B *= 0.999\n    B -= rate * gB\n")]),
    (
        "target minus output, added",
        "inline",
        [("(out - wanted) / n", "(wanted - out) / n"), *[(f"    {w} -= rate", f"    {w} += rate") for w in "AaBbCc"]],
    ),
    (
        "a moving average of the weights",
        "inline",
        [("n = len(seen)\n", "n = len(seen)\nmean = B\n"), (UPDATE_B, UPDATE_B + "    mean = 0.9 * mean + 0.1 * B\n")],
    ),
    (
        "AdaGrad",
        "inline",
        [
            ("n = len(seen)\n", "n = len(seen)\nsquares = 0 * B\n"),
            (UPDATE_B, "    squares += gB**2\n    B -= 0.05 * gB / (np.sqrt(squares) + 1e-8)\n"),
        ],
    ),
    (
        "Nesterov",
        "inline",
        [
            ("n = len(seen)\n", "n = len(seen)\nv = 0 * B\n"),
            (UPDATE_B, "    last = v\n    v = 0.9 * v - 0.1 * gB\n    B += -0.9 * last + 1.9 * v\n"),
        ],
    ),
    ("layers frozen", "stacked", [("for part in self.net:", "for part in self.net[2:]:")]),
    (
        "gradients added up over two batches, then cleared",
        "stacked",
        [
            *LAYER_SUMS,
            (
                "    opt.step()\n",
                (
                    "    if it % 2:\n"
                    "        opt.step()\n"
                    "        for part in net:\n"
                    "            for owner, _, grad in part.params():\n"
                    "                setattr(owner, grad, 0 * getattr(owner, grad))\n"
                ),
            ),
        ],
    ),
    (
        "clipping and a schedule",
        "keyed",
        [("p[key] - rate * memory", "p[key] - rate / (1 + 0.01 * len(p)) * np.clip(memory[key], -1, 1) + 0 * memory")],
    ),
    (
        "a target network",
        "keyed",
        [
            (
                "    if i % 50 == 0:\n",
                (
                    "    if i % 10 == 0:\n"
                    "        target = {key: value.copy() for key, value in p.items()}\n"
                    "    if i % 50 == 0:\n"
                ),
            )
        ],
    ),
]


@pytest.mark.parametrize(
    ("program", "edits", "lines", "code"), [m[1:] for m in MISTAKES], ids=[m[0].replace(" ", "-") for m in MISTAKES]
)
def test_the_wrong_update_is_named(tmp_path: Path, program: str, edits: Edits, lines: set[str], code: str) -> None:
    text = edited(program, edits)
    found = findings(tmp_path, text)
    assert [f.code for f in found] == [code]
    assert any(part in blamed_line(text, found[0]) for part in lines)


@pytest.mark.parametrize("program", NAMES)
def test_the_right_twin_is_left_alone(tmp_path: Path, program: str) -> None:
    assert findings(tmp_path, edited(program, [])) == []


@pytest.mark.parametrize(("program", "edits"), [r[1:] for r in RIGHT], ids=[r[0].replace(" ", "-") for r in RIGHT])
def test_what_optimizers_do_is_right(tmp_path: Path, program: str, edits: Edits) -> None:
    assert findings(tmp_path, edited(program, edits)) == []


#     id of the mistake, text that the first fix puts in
MENDED = [
    ("updated before it is used, inline", "C -= rate * gC"),
    ("difference the wrong way round", "out - wanted"),
    ("layers add to their gradients", "self.gK = "),
    ("a velocity that is turned round, and climbs", "drag * memory[key] - rate * g[key]"),
    ("gradient that nobody applies", "a -= rate * ga"),
    ("forward pass before the loop", "h1 = np.tanh"),
    ("twice on one line", "    B -= rate * gB\n"),
    ("three of six added", "c -= rate"),
]


@pytest.mark.parametrize(("mistake", "put_in"), MENDED, ids=[m[0].replace(" ", "-") for m in MENDED])
def test_the_repair_is_proven_by_a_run(tmp_path: Path, mistake: str, put_in: str) -> None:
    program, edits = next(m[1:3] for m in MISTAKES if m[0] == mistake)
    text = edited(program, edits)
    fixes = findings(tmp_path, text, trials=True)[0].fixes
    assert fixes[0].confidence == "verified"
    mended = repaired(text, fixes[0])
    assert put_in in mended
    assert findings(tmp_path, mended) == []


def test_whole_numbers_that_are_moved_one_by_one_are_seen(tmp_path: Path) -> None:
    text = """\
import numpy as np

X, t = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]]), np.array([0, 1, 1, 1])
w = np.array([1, -1, 0])
for turn in range(20):
    for x, wanted in zip(X, t):
        error = wanted - 1 / (1 + np.exp(-np.dot(x, w)))
        for i in range(3):
            w[i] += 0.5 * error * x[i]
print(w)
"""
    (finding,) = findings(tmp_path, text)
    assert (finding.code, finding.cause.line) == ("SC405", 4)
    assert findings(tmp_path, text.replace("[1, -1, 0]", "[1.0, -1.0, 0.0]")) == []


GATHERED = """\
import numpy as np

draw = np.random.default_rng(6)
X, kinds = draw.normal(size=(40, 4)), draw.integers(0, 3, 40)
W, V = draw.normal(size=(4, 5)) / 2, draw.normal(size=(5, 3)) / 2
for turn in range(4):
    total, gW, gV = 0.0, np.zeros((4, 5)), np.zeros((5, 3))
    for rows in np.split(draw.permutation(40), 4):
        h = np.tanh(X[rows] @ W)
        e = np.exp(h @ V)
        p = e / e.sum(axis=1, keepdims=True)
        total -= np.log(p[np.arange(10), kinds[rows]]).sum()
        d = p.copy()
        d[np.arange(10), kinds[rows]] -= 1
        gV += h.T @ d
        gW += X[rows].T @ (d @ V.T * (1 - h**2))
    for w, g in ((W, gW), (V, gV)):
        w -= 0.1 * g / 40
    print(total)
"""


def test_a_loss_that_is_computed_may_be_climbed_by_mistake(tmp_path: Path) -> None:
    text = GATHERED.replace("w -= 0.1", "w += 0.1")
    (finding,) = findings(tmp_path, text)
    assert finding.code == "SC402"
    assert "w += 0.1" in blamed_line(text, finding)
    likelihood = GATHERED.replace("total -=", "total +=").replace("d = p.copy()", "d = -p").replace("-= 1", "+= 1")
    assert findings(tmp_path, likelihood.replace("w -= 0.1", "w += 0.1")) == []
