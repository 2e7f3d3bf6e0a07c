"""A gradient of which one part is wrong: a count, an operand beside a penalty, a branch, half of a Jacobian."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.diagnose.training_programs import Edits, blamed_line, edited_text, findings, repaired

DICTIONARY = """\
import numpy as np

rng = np.random.RandomState(3)
X, Y = rng.randn(3, 40), (rng.randn(1, 40) > 0.2) * 1.0
p = {"W1": rng.randn(4, 3), "b1": np.zeros((4, 1)), "W2": rng.randn(1, 4), "b2": np.zeros((1, 1))}
m = X.shape[1]
for step in range(4):
    A1 = np.tanh(p["W1"] @ X + p["b1"])
    A2 = 1 / (1 + np.exp(-(p["W2"] @ A1 + p["b2"])))
    cost = -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / m
    E2 = A2 - Y
    E1 = p["W2"].T @ E2 * (1 - A1**2)
    g = {}
    g["W2"] = (1 / m) * np.dot(E2, A1.T)
    g["b2"] = (1 / m) * np.sum(E2, axis=1, keepdims=True)
    g["W1"] = (1 / m) * np.dot(E1, X.T)
    g["b1"] = (1 / m) * np.sum(E1, axis=1, keepdims=True)
    for key in p:
        p[key] = p[key] - 0.8 * g[key]
print(cost)
"""
# The mean belongs to the rate of the weights, and to the gradients of the biases.
SHARED_OUT = [
    ("(1 / m) * np.dot(E2, A1.T)", "np.dot(E2, A1.T)"),
    ("(1 / m) * np.dot(E1, X.T)", "np.dot(E1, X.T)"),
    (
        "    for key in p:\n        p[key] = p[key] - 0.8 * g[key]\n",
        """\
    rate = 0.8
    for key in ("W1", "W2"):
        p[key] = p[key] - rate / m * g[key]
    for key in ("b1", "b2"):
        p[key] = p[key] - rate * g[key]
""",
    ),
]
RATES_OF_THEIR_OWN = [
    (
        SHARED_OUT[2][0],
        """\
    rate = 0.4
    for key in ("W1", "W2"):
        p[key] = p[key] - rate / 4 * g[key]
    for key in ("b1", "b2"):
        p[key] = p[key] - rate * g[key]
""",
    )
]
PENALISED = """\
import numpy as np

rng = np.random.default_rng(8)
X = rng.normal(size=(30, 3))
T = np.sin(X[:, :1] - X[:, 2:])
A, B, C = (rng.normal(size=s) * 0.6 for s in ((3, 5), (5, 5), (5, 1)))
decay, n = 0.03, len(X)
for step in range(5):
    h = np.tanh(X @ A)
    k = np.tanh(h @ B)
    out = k @ C
    loss = np.sum((out - T) ** 2) / (2 * n) + decay / 2 * (np.sum(A**2) + np.sum(B**2) + np.sum(C**2))
    d = (out - T) / n
    dk = d @ C.T * (1 - k**2)
    gC = k.T @ d
    gB = h.T @ dk
    gA = X.T @ (dk @ B.T * (1 - h**2))
    gA += decay * A
    gB += decay * B
    gC += decay * C
    A, B, C = A - 0.3 * gA, B - 0.3 * gB, C - 0.3 * gC
print(loss)
"""
THREE = """\
import numpy as np

rng = np.random.default_rng(12)
X, kinds = rng.normal(size=(40, 5)), np.arange(40) % 2
M = rng.normal(size=(3, 5)) * 0.4
shift = np.zeros(3)


def embed(x):
    return np.tanh(M @ x + shift)


for step in range(30):
    same, other = np.flatnonzero(kinds == step % 2), np.flatnonzero(kinds != step % 2)
    x, near, far = X[same[step % 7]], X[same[7 + step % 5]], X[other[step % 11]]
    e, en, ef = embed(x), embed(near), embed(far)
    gap = 0.5 * np.sum((e - en) ** 2) - 0.5 * np.sum((e - ef) ** 2) + 0.2
    if gap > 0:
        back = [(x, e, ef - en), (near, en, en - e), (far, ef, e - ef)]
    else:
        back = [(x, e, np.zeros_like(e))]
    gM, gs = np.zeros_like(M), np.zeros_like(shift)
    for given, value, slope in back:
        slope = slope * (1 - value**2)
        gM += np.outer(slope, given)
        gs += slope
    M -= 0.05 * gM
    shift -= 0.05 * gs
print(gap)
"""
WEIGHED = """\
import numpy as np

rng = np.random.default_rng(2)
bags, T = rng.normal(size=(12, 4, 3)), rng.normal(size=(12, 1))
Q, V = rng.normal(size=3), rng.normal(size=(3, 1))
for step in range(5):
    s = bags @ Q
    w = np.exp(s - s.max(axis=1, keepdims=True))
    w = w / w.sum(axis=1, keepdims=True)
    pooled = np.einsum("nt,ntd->nd", w, bags)
    out = pooled @ V
    loss = 0.5 * np.sum((out - T) ** 2)
    d = out - T
    gV = pooled.T @ d
    dw = np.einsum("nd,ntd->nt", d @ V.T, bags)
    ds = np.multiply(w, dw - np.sum(w * dw, axis=1, keepdims=True))
    gQ = np.einsum("nt,ntd->d", ds, bags)
    Q -= 0.05 * gQ
    V -= 0.05 * gV
print(loss)
"""
FILTERS = """\
import numpy as np

rng = np.random.default_rng(9)
data = [(rng.normal(size=12), float(rng.normal())) for _ in range(4)]
F, G, u = rng.normal(size=(2, 3)) * 0.5, rng.normal(size=(3, 2, 4)) * 0.5, rng.normal(size=3)
for x, t in data * 2:
    h = np.tanh([np.correlate(x, f, "valid") for f in F])
    z = [sum(np.correlate(h[c], g[c], "valid") for c in range(2)) for g in G]
    k = np.tanh(z)
    out = u @ k.mean(axis=1)
    loss = 0.5 * (out - t) ** 2
    e = out - t
    dz = np.outer(e * u, np.ones(k.shape[1])) / k.shape[1] * (1 - k**2)
    dG, dh = np.zeros_like(G), np.zeros_like(h)
    for i in range(3):
        for c in range(2):
            dG[i, c] = np.correlate(h[c], dz[i], "valid")
            dh[c] += np.convolve(dz[i], G[i, c], "full")
    dh = dh * (1 - h**2)
    dF = np.array([np.correlate(x, d, "valid") for d in dh])
    u -= 0.1 * e * k.mean(axis=1)
    G -= 0.1 * dG
    F -= 0.1 * dF
print(loss)
"""
FLAT = """\
import numpy as np

rng = np.random.default_rng(6)
theta = rng.normal(size=20) * 0.7


def parts(flat):
    return flat[:10].reshape(5, 2), flat[10:].reshape(2, 5)


def score(flat, x, t):
    low, high = parts(flat)
    h = np.tanh(low @ x)
    gap = high @ h - t
    for_low = (high.T @ gap * (1 - h**2)) @ x.T
    for_high = gap @ h.T
    return np.sum(gap**2) / 2, np.hstack([for_low.ravel(), for_high.ravel()])


for turn in range(20):
    x = rng.normal(size=(2, 9))
    value, slope = score(theta, x, x[::-1] ** 2)
    theta = theta - 0.02 * slope
print(value)
"""
#    id, program, edits that leave it right
# The statistics of each channel go over samples and places; what is put together flat gets its shape in the end.
CHANNELS = """\
import numpy as np

rng = np.random.RandomState(8)
X, Y = rng.randn(12, 2, 3, 2), rng.randint(0, 2, 12)
K, U = rng.randn(2, 3) / 2, rng.randn(18, 2) / 3
gain, shift = np.ones((1, 3, 1, 1)), np.zeros((1, 3, 1, 1))
for step in range(4):
    z = np.einsum("nchw,cd->ndhw", X, K)
    mean = z.mean(axis=(0, 2, 3), keepdims=True)
    var = z.var(axis=(0, 2, 3), keepdims=True)
    std = np.sqrt(var + 1e-5)
    far = z - mean
    a = np.tanh(gain * (far / std) + shift)
    s = a.reshape(12, -1) @ U
    p = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(12), Y]).mean()
    ds = (p - np.eye(2)[Y]) / 12
    du = (ds @ U.T).reshape(a.shape) * (1 - a**2)
    dn = (du * gain).reshape(12, 3, -1)
    flat, one = far.reshape(12, 3, -1), std.reshape(1, 3, 1)
    dvar = (dn * flat * -0.5 / one**3).sum(axis=(0, 2), keepdims=True)
    dmean = -(dn / one).sum(axis=(0, 2), keepdims=True)
    dz = (dn / one + dvar * 2 * flat / 72 + dmean / 72).reshape(z.shape)
    U -= 0.3 * a.reshape(12, -1).T @ ds
    gain -= 0.3 * (du * far / std).sum(axis=(0, 2, 3), keepdims=True)
    shift -= 0.3 * du.sum(axis=(0, 2, 3), keepdims=True)
    K -= 0.3 * np.einsum("nchw,ndhw->cd", X, dz)
"""

# A count that is used twice: put right in one of the two places it is off by a factor.
COUNTED = """\
import numpy as np

rng = np.random.RandomState(10)
X, Y = rng.randn(20, 3), rng.randn(20, 1)
W, V = rng.randn(3, 5), rng.randn(5, 1)


def normalised_back(d, n, std):
    m = d.shape[0]
    return (m * d - d.sum(axis=0) - n * (d * n).sum(axis=0)) / (m * std)


for step in range(4):
    z = X @ W
    std = z.std(axis=0)
    n = (z - z.mean(axis=0)) / std
    a = np.tanh(n)
    e = (a @ V - Y) / len(X)
    print(0.5 * len(X) * np.sum(e * e))
    dz = normalised_back(e @ V.T * (1 - a * a), n, std)
    V -= 0.1 * a.T @ e
    W -= 0.1 * X.T @ dz
"""

# One softmax serves the attention and the output; the loss counts the penalty of a weight without a bias.
ATTENTION = """\
import numpy as np

rng = np.random.RandomState(5)
X, Y = rng.randn(7, 4, 3), rng.randint(0, 3, (7, 4))
Q, K, O = rng.randn(3, 3), rng.randn(3, 3), rng.randn(3, 3) / 2


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


for step in range(4):
    q, k = X @ Q, X @ K
    w = softmax(q @ k.swapaxes(1, 2))
    p = softmax(w @ X @ O)
    hot = np.eye(3)[Y]
    loss = -np.sum(hot * np.log(p)) / 7 + 0.05 * np.sum(Q**2)
    ds = (p - hot) / 7
    dw = ds @ O.T @ X.swapaxes(1, 2)
    dr = w * (dw - (dw * w).sum(-1, keepdims=True))
    gO = np.einsum("nti,ntj->ij", w @ X, ds)
    gQ = np.einsum("nti,ntj->ij", X, dr @ k) + 0.1 * Q
    gK = np.einsum("nti,ntj->ij", X, dr.swapaxes(1, 2) @ q)
    O, Q, K = O - 0.1 * gO, Q - 0.1 * gQ, K - 0.1 * gK
"""

RIGHT: list[tuple[str, str, Edits]] = [
    ("the mean in every gradient", DICTIONARY, []),
    ("the mean in the rate of some", DICTIONARY, SHARED_OUT),
    ("other rates, by a written number", DICTIONARY, RATES_OF_THEIR_OWN),
    ("penalties in statements of their own", PENALISED, []),
    ("three branches behind a hinge", THREE, []),
    ("a softmax's derivative", WEIGHED, []),
    ("filters whose parts are summed up in turn", FILTERS, []),
    ("two weights in one flat array", FLAT, []),
    ("statistics of channels", CHANNELS, []),
    ("a count that is used twice", COUNTED, []),
    ("attention", ATTENTION, []),
]
#    id, program, edits, the line to blame, what the repaired line has or None where no repair is tried
WRONG: list[tuple[str, str, Edits, str, str | None]] = [
    ("the mean of one missing", DICTIONARY, [('g["b1"] = (1 / m) * ', 'g["b1"] = ')], 'g["b1"] = np.sum', None),
    ("another layer's value", PENALISED, [("gB = h.T @ dk", "gB = k.T @ dk")], "gB = k.T", None),
    ("the penalty of another", PENALISED, [("gB += decay * B", "gB += decay * B.T")], "gB += decay", None),
    (
        "one branch of three",
        THREE,
        [("(far, ef, e - ef)", "(far, ef, e - en)")],
        "(far, ef, e - en)",
        "(far, ef, e - ef)",
    ),
    (
        "half of a Jacobian",
        WEIGHED,
        [("np.multiply(w, dw - np.sum(w * dw, axis=1, keepdims=True))", "np.multiply(w, dw)")],
        "ds = ",
        "w * (dw - np.sum(w * dw, axis=1, keepdims=True))",
    ),
    (
        "one half of a flat gradient twice",
        FLAT,
        [("[for_low.ravel()", "[for_high.ravel()")],
        "return np.sum",
        "[for_low.ravel()",
    ),
    (
        "a size for one rate",
        DICTIONARY,
        [
            ("m = X.shape[1]\n", "m = X.shape[1]\nrate, hidden = 0.8, 4\n"),
            (
                SHARED_OUT[2][0],
                """\
    for key in ("W1", "b1", "b2"):
        p[key] = p[key] - rate * g[key]
    p["W2"] = p["W2"] - hidden * g["W2"]
""",
            ),
        ],
        "hidden * g",
        'rate * g["W2"]',
    ),
    (
        "statistics summed up for each sample",
        CHANNELS,
        [("one**3).sum(axis=(0, 2)", "one**3).sum(axis=2"), (" one).sum(axis=(0, 2)", " one).sum(axis=2")],
        "dvar = ",
        None,
    ),
    ("a count of units for one of samples", COUNTED, [("m = d.shape[0]", "m = d.shape[1]")], "m = d", "m = d.shape[0]"),
    ("a softmax over another axis backward", ATTENTION, [("(dw * w).sum(-1", "(dw * w).sum(-2")], "dr = ", None),
    ("a term beside a penalty in the loss", ATTENTION, [("dw * w).sum", "dw * dw).sum")], "dr = ", None),
    ("what is added to each row", FILTERS, [("np.convolve(dz", "np.correlate(dz")], "dh[c] += ", "np.convolve(dz"),
]


@pytest.mark.parametrize(("text", "edits"), [r[1:] for r in RIGHT], ids=[r[0] for r in RIGHT])
def test_what_is_right_is_left_alone(tmp_path: Path, text: str, edits: Edits) -> None:
    assert findings(tmp_path, edited_text(text, edits)) == []


@pytest.mark.parametrize(("text", "edits", "line", "mended"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_the_part_is_blamed(tmp_path: Path, text: str, edits: Edits, line: str, mended: str | None) -> None:
    wrong = edited_text(text, edits)
    (finding,) = findings(tmp_path, wrong, trials=mended is not None)
    assert line in blamed_line(wrong, finding)
    if mended is not None:
        assert finding.fixes[0].confidence == "verified"
        assert mended in repaired(wrong, finding.fixes[0])
