"""What is read from a frame is true; what cannot be told for certain is not said; nothing of the user's runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapecheck.postmortem.library import Inferred, NotKnownError, called, elementwise, matmul, method

from .dying import operands_of, said_of

START = "import numpy as np\nA, B = np.ones((4, 3)), np.ones((5, 2))\n"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


#        id                                 the program                                          operands
KNOWN = [
    ("names", "A @ B", [("A", (4, 3)), ("B", (5, 2))]),
    ("transposes", "A.T @ B.T", [("A.T", (3, 4)), ("B.T", (2, 5))]),
    ("arithmetic", "(0.1 * A + 1) @ -B", [("0.1 * A + 1", (4, 3)), ("-B", (5, 2))]),
    ("items of a list", "L = [A, B]\ni = 1\nL[i - 1] @ L[-1]", [("L[i - 1]", (4, 3)), ("L[-1]", (5, 2))]),
    ("items by name", "p = {'W1': A}\nl = 1\np['W' + str(l)] @ B", [("p['W' + str(l)]", (4, 3)), ("B", (5, 2))]),
    ("items by f-string", "p = {'W1': A}\nl = 1\np[f'W{l}'] @ B", [("p[f'W{l}']", (4, 3)), ("B", (5, 2))]),
    ("rows", "A[1:3] @ B", [("A[1:3]", (2, 3)), ("B", (5, 2))]),
    ("columns", "A[:, None] @ B", [("A[:, None]", (4, 1, 3)), ("B", (5, 2))]),
    ("chosen rows", "k = np.array([0, 1])\nA[k] @ B", [("A[k]", (2, 3)), ("B", (5, 2))]),
    ("a mask at hand", "k = A[:, 0] > 0\nA[k] @ B", [("A[k]", (4, 3)), ("B", (5, 2))]),
    ("library functions", "np.exp(A) @ np.sum(B, axis=0)", [("np.exp(A)", (4, 3)), ("np.sum(B, axis=0)", (2,))]),
    ("methods", "A.sum(axis=1, keepdims=True) @ B", [("A.sum(axis=1, keepdims=True)", (4, 1)), ("B", (5, 2))]),
    ("draws", "np.random.RandomState(0).randn(4, 3) @ B", [("B", (5, 2))]),
    (
        "draws of a generator",
        "rng = np.random.default_rng(0)\nrng.normal(size=(4, 3)) @ B",
        [("rng.normal(size=(4, 3))", (4, 3)), ("B", (5, 2))],
    ),
    (
        "draws of a size in names",
        "n = 4\nnp.random.randn(n, 3) @ B",
        [("np.random.randn(n, 3)", (4, 3)), ("B", (5, 2))],
    ),
    (
        "a namespace",
        "import types\nn = types.SimpleNamespace(W=A)\nn.W @ B",
        [("n.W", (4, 3)), ("B", (5, 2))],
    ),
    (
        "slots",
        "class N:\n    __slots__ = ('W',)\nn = N()\nn.W = A\nn.W @ B",
        [("n.W", (4, 3)), ("B", (5, 2))],
    ),
    (
        "a private attribute",
        "class N:\n    def __init__(self):\n        self.__W = A\n    def f(self): return self.__W @ B\nN().f()",
        [("self.__W", (4, 3)), ("B", (5, 2))],
    ),
    (
        "a named tuple",
        "from collections import namedtuple\nn = namedtuple('N', 'W')(A)\nn.W @ B",
        [("n.W", (4, 3)), ("B", (5, 2))],
    ),
    (
        "a closure",
        "def f():\n    W = A\n    def g():\n        return W @ B\n    g()\nf()",
        [("W", (4, 3)), ("B", (5, 2))],
    ),
    ("a generator", "list(a @ B for a in [A])", [("a", (4, 3)), ("B", (5, 2))]),
    ("a with block", "with np.errstate(all='ignore'):\n    A @ B", [("A", (4, 3)), ("B", (5, 2))]),
    ("raised again", "try:\n    A @ B\nexcept ValueError:\n    x = 1\n    raise", [("A", (4, 3)), ("B", (5, 2))]),
]


@pytest.mark.parametrize(("program", "operands"), [c[1:] for c in KNOWN], ids=[c[0] for c in KNOWN])
def test_operands_are_read(tmp_path: Path, program: str, operands: list[Any]) -> None:
    assert operands_of(START + program + "\n", tmp_path) == operands


#          id                                   the program                                         what is left
UNKNOWN = [
    ("a call of the user's", "def f():\n    return A\nf() @ B", [("B", (5, 2))]),
    (
        "a property",
        "class N:\n    @property\n    def W(self):\n        return A\nN().W @ B",
        [("B", (5, 2))],
    ),
    (
        "an attribute made up",
        "class N:\n    def __getattr__(self, name):\n        return A\nn = N()\nn.W @ B",
        [("B", (5, 2))],
    ),
    (
        "an item made up",
        "class D(dict):\n    def __missing__(self, key):\n        return A\nd = D()\nd['W'] @ B",
        [("B", (5, 2))],
    ),
    ("a mask that is gone", "A[A > 0] @ B", [("B", (5, 2))]),
    ("a name that a call binds anew", "def f():\n    global A\n    A = np.ones(9)\n    return B\nA @ f()", []),
    (
        "an attribute that a call binds anew",
        "class N:\n    W = A\n    def f(self):\n        self.W = np.ones(9)\n        return B\nn = N()\nn.W @ n.f()",
        [],
    ),
    ("a name that a comprehension gives back", "def f(a):\n    [a @ B for a in [A]]\nf(np.ones(9))", None),
    ("a name bound on the way", "(A := A.T) @ B.T @ (A := np.ones(9))", None),
    (
        "a name that a handler binds anew",
        "C = A\ntry:\n    C @ B\nexcept ValueError:\n    C = np.ones(9)\n    raise",
        [("B", (5, 2))],
    ),
    (
        "an attribute bound anew at last",
        "import types\nn = types.SimpleNamespace(W=A)\ntry:\n    n.W @ B\nfinally:\n    n.W = np.ones(9)",
        [("B", (5, 2))],
    ),
]


@pytest.mark.parametrize(("program", "operands"), [c[1:] for c in UNKNOWN], ids=[c[0] for c in UNKNOWN])
def test_what_cannot_be_told_is_not_said(tmp_path: Path, program: str, operands: list[Any] | None) -> None:
    said = operands_of(START + program + "\n", tmp_path)
    if operands is None:
        assert (9,) not in [shape for _, shape in said]
    else:
        assert said == operands


def test_an_attribute_that_only_the_constructor_binds_is_known_beside_a_call(tmp_path: Path) -> None:
    program = (
        "class N:\n    def __init__(self):\n        self.W = A\n    def f(self):\n        self.W -= 0 * A\n"
        "        return B\nn = N()\nn.W @ n.f()\n"
    )
    assert operands_of(START + program, tmp_path) == [("n.W", (4, 3))]


def test_nothing_of_the_users_runs(tmp_path: Path) -> None:
    program = """
ran = []
class Loud(np.ndarray):
    def __array_finalize__(self, obj): ran.append('finalize')
class Net:
    def __getattr__(self, name): ran.append(name); raise AttributeError(name)
    def __repr__(self): ran.append('repr'); return ''
    def __eq__(self, other): ran.append('eq'); return False
    def __hash__(self): ran.append('hash'); return 1
    @property
    def W(self): ran.append('W'); return A
    def __call__(self, x): ran.append('call'); return x
net = Net()
loud = A.view(Loud)
def use(net, loud):
    ran.clear()
    return np.dot(net(A), B) if not ran else net.W @ B + loud
try:
    use(net, loud)
finally:
    before = list(ran)
"""
    (tmp_path / "ran.py").write_text("")
    namespace: dict[str, Any] = {}
    path = tmp_path / "program.py"
    path.write_text(START + program)
    from shapecheck.postmortem.explanation import explain

    with pytest.raises(ValueError, match=r"matmul|aligned") as raised:
        exec(compile(START + program, str(path), "exec"), namespace)
    explain(raised.value)
    assert namespace["ran"] == namespace["before"]


def test_a_file_that_changed_since_is_not_quoted(tmp_path: Path) -> None:
    from shapecheck.postmortem.explanation import explain

    from .dying import died

    error = died(START + "A @ B\n", tmp_path)
    assert explain(error) is not None
    (tmp_path / "program.py").write_text(START + "A + B\n")
    assert explain(error) is None


def test_only_the_users_own_frames_count(tmp_path: Path) -> None:
    explanation = said_of(START + "np.linalg.multi_dot([A, B, A])\n", tmp_path)
    assert explanation is not None
    assert explanation.finding.location.source == "np.linalg.multi_dot([A, B, A])"


# -- shapes of what the library returns -------------------------------------------------------------------------------

CALLS: list[tuple[str, Any]] = [
    ("dot", lambda a, b: (np.dot, [a, b], {})),
    ("matmul", lambda a, b: (np.matmul, [a, b], {})),
    ("outer", lambda a, b: (np.outer, [a, b], {})),
    ("multiply", lambda a, b: (np.multiply, [a, b], {})),
    ("maximum with a number", lambda a, _: (np.maximum, [a, 0.0], {})),
    ("exp", lambda a, _: (np.exp, [a], {})),
    ("sum", lambda a, _: (np.sum, [a], {})),
    ("sum of columns", lambda a, _: (np.sum, [a], {"axis": 0})),
    ("mean, kept", lambda a, _: (np.mean, [a], {"axis": -1, "keepdims": True})),
    ("argmax", lambda a, _: (np.argmax, [a], {"axis": 0})),
    ("std of two axes", lambda a, _: (np.std, [a], {"axis": (0, 1)})),
    ("norm", lambda a, _: (np.linalg.norm, [a], {"axis": 0})),
    ("reshape", lambda a, _: (np.reshape, [a, (-1, 2)], {})),
    ("ravel", lambda a, _: (np.ravel, [a], {})),
    ("transpose", lambda a, _: (np.transpose, [a], {})),
    ("squeeze", lambda a, _: (np.squeeze, [a], {})),
    ("expand_dims", lambda a, _: (np.expand_dims, [a], {"axis": 1})),
    ("atleast_2d", lambda a, _: (np.atleast_2d, [a], {})),
    ("vstack", lambda a, b: (np.vstack, [[a, b]], {})),
    ("concatenate", lambda a, b: (np.concatenate, [(a, b)], {"axis": -1})),
    ("stack", lambda a, b: (np.stack, [[a, b]], {})),
    ("where", lambda a, b: (np.where, [a, b, 0.0], {})),
    ("zeros_like", lambda a, _: (np.zeros_like, [a], {})),
    ("array", lambda a, _: (np.array, [a], {})),
    ("matrix", lambda a, _: (np.matrix, [a], {})),
    ("tile", lambda a, _: (np.tile, [a, 3], {})),
    ("diag", lambda a, _: (np.diag, [a], {})),
    ("cumsum", lambda a, _: (np.cumsum, [a], {})),
]
SHAPES = st.lists(st.integers(1, 4), max_size=3).map(tuple)


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
@pytest.mark.parametrize("call", [c[1] for c in CALLS], ids=[c[0] for c in CALLS])
@given(left=SHAPES, right=SHAPES, seed=st.integers(0, 9))
def test_the_shape_that_is_told_is_the_one_that_comes_out(
    call: Any, left: tuple[int, ...], right: tuple[int, ...], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    arrays = [np.asarray(rng.normal(size=shape)) for shape in (left, right)]
    function, arguments, keywords = call(*arrays)
    gone_function, gone, _ = call(Inferred(left), Inferred(right))
    told = []
    for given_arguments in (arguments, gone):
        try:
            told.append(called(gone_function, given_arguments, keywords).shape)
        except NotKnownError:
            told.append(None)
    try:
        result = np.shape(function(*arguments, **keywords))
    except Exception:
        return  # what is said of a call that failed is never asked for
    assert set(told) <= {result, None}
    # Of what people write most it must be told.
    if len(left) == len(right) == 2 and function not in {np.matrix, np.std, np.reshape}:
        assert told == [result, result]


@given(left=SHAPES, right=SHAPES)
def test_operators_and_methods(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    a, b = np.ones(left), np.ones(right)
    for rule, operation in ((elementwise, lambda: a + b), (matmul, lambda: a @ b)):
        try:
            result = np.shape(operation())
        except ValueError:
            continue
        assert rule(Inferred(left), b).shape == result
    if len(left) == 3:
        assert method(Inferred(left), "transpose", [2, 0, 1], {}).shape == a.transpose(2, 0, 1).shape
