# ruff: noqa: E501 - a program a line
"""An exception of a recorded program has its own type and text, and its traceback its own lines and carets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

SETUP = """\
import numpy as np
A, B, v = np.ones((2, 3)), np.ones((4, 5)), np.ones(3)
params = {"W1": A, "b": v}
class Net:
    def __init__(self): self.W = [A, B]; self.b = v
    def __getitem__(self, key): return self.W[key]
net = Net()
def fail(*a, **k): raise KeyError(a)
"""

FAILING = {
    "product": "x = np.dot(A, B)",
    "product in a sum": "x = 1 + A @ B + v.T",
    "product of calls": "x = np.dot(np.exp(A).T, np.tanh(B)) * 2",
    "method": "x = A.dot(B) - 1",
    "chain of methods": "x = A.reshape(3, 2).dot(A.T * 2).reshape(7)",
    "several lines": "x = (A +\n     np.dot(A,\n            B)\n     + 1)",
    "arguments on lines": "x = np.concatenate([\n    A,\n    B * 2,\n], axis=0)",
    "sum of two": "A + B",
    "subtraction in parentheses": "x = (A - B) * 2",
    "update of a name": "A -= 0.1 * B",
    "update that grows": "v -= np.ones((2, 3))",
    "update of an item": "params['b'] += A",
    "update of an item of a list": "net.W[0] -= net.W[1] * 2",
    "update of a slice": "A[0] += np.ones(2)",
    "update of an attribute": "net.b += np.ones(2)",
    "update of a transpose": "A.T += np.ones(7)",
    "update of a transpose that fits": "A.T += 1",
    "update of a missing name": "missing += 1",
    "update of a missing item": "params['x'] += 1",
    "update through a property": "class P:\n    @property\n    def q(self): return 1\np = P()\np.q += 1",
    "integer update by floats": "k = np.arange(3)\nk += 0.5",
    "item": "A[5]",
    "item of an expression": "(A * 2)[0, 7]",
    "slice of the wrong kind": "A[0:2.5]",
    "key": "params['W2'] + 1",
    "item assignment": "A[0] = np.ones(5) * 2",
    "slice assignment": "A[:, 0:1] = B",
    "assignment past the end": "A[2, 0] = 1",
    "two targets": "A[0], A[7] = 1, 2",
    "unpacking": "a, b = A * 2, A + 1, A",
    "too few to unpack": "a, b, c = A.shape",
    "attribute": "A.missing",
    "attribute of a result": "(A * 2).missing",
    "attribute assignment": "A.T = 5",
    "shape assignment": "A.shape = (7, 2)",
    "not callable": "A(3)",
    "not callable result": "(A * 2)(3)",
    "wrong arguments": "np.dot(A)",
    "wrong keyword": "np.sum(A * 1, axs=1)",
    "bad axis": "np.sum(A * 1, axis=3)",
    "unary": "-'a'.upper()",
    "truth": "if A > 0:\n    pass",
    "truth of an equality": "if A == A.T.T and v.any():\n    pass",
    "truth of a bare array": "if A * 2:\n    pass",
    "truth in a loop": "while A != 2: pass",
    "truth in a condition": "x = 1 if A < 3 else 2",
    "truth in a comprehension": "[a for a in [A] if a == 1]",
    "truth in a negation": "if not A >= 1: pass",
    "truth of a chain": "0 < A < 3",
    "truth of or": "x = (A > 1) or 3",
    "comparison": "A < 'x'",
    "comparison that does not broadcast": "x = A > B",
    "test that does not broadcast": "if (A > B).any(): pass",
    "assertion": "assert A.shape == B.shape",
    "assertion with a message": "assert A.shape == B.shape, 'shapes: ' + str(A.shape)",
    "assertion of an order": "assert A.shape[0] > B.shape[0]",
    "assertion of an array": "assert A == 1",
    "assertion of a call": "assert np.allclose(A, A * 2), f'{A.sum() * 2}'",
    "assertion of a negation": "assert not A.any()",
    "assertion of two": "assert A.any() and A.shape == (3, 2)",
    "assertion in a function": "def f(x):\n    assert x.ndim == 1, \\\n        'flat'\n    return x\nf(A)",
    "nested calls": "def f(x): return g(x * 2) + 1\ndef g(x):\n    y = x @ x\n    return y\nz = f(A) * 3",
    "in a method": "class L(Net):\n    def f(self, x):\n        return self.W[0].dot(x) + self.b\nL().f(np.ones(7) * 2)",
    "through super": "class L(Net):\n    def __init__(self, k):\n        super().__init__(k)\nL(A * 2)",
    "in a comprehension": "[w @ w for w in net.W]",
    "in a generator expression": "sum(w @ w for w in net.W)",
    "in a generator": "def g():\n    yield A * 2\n    yield A @ B\nlist(g())",
    "in a lambda": "f = lambda x: x @ B\nf(A)",
    "in map": "list(map(lambda x: (x * 1) @ B, [A]))",
    "in a sort key": "sorted([1, 2], key=lambda k: A @ B)",
    "in an f-string": "print(f'loss {np.mean(A - B):.3f}')",
    "in print": "print('x', np.mean(A - B))",
    "in a return": "def f():\n    return np.mean(\n        A - B)\nf()",
    "in a decorator": "@fail(A * 2)\ndef f(): pass",
    "in a default": "def f(x=A @ B): pass",
    "in a class body": "class C:\n    w = A * 2\n    z = w @ w",
    "in an argument": "print(np.exp(A), *fail(A * 2), k=1)",
    "keyword arguments": "np.dot(A, b=fail(A, b=v * 2))",
    "while handling": "try:\n    A @ B\nexcept ValueError:\n    v @ np.ones(2)",
    "with a cause": "try:\n    A @ B\nexcept ValueError as e:\n    raise TypeError('no') from e",
    "raise again": "try:\n    x = A @ B\nfinally:\n    y = v * 2",
    "in with": "with np.errstate(all='raise'):\n    x = np.log(v * 0)",
    "in exec": "exec('A @ B')",
    "in eval": "x = eval('A @ B') * 2",
    "in match": "match A @ B:\n    case _: pass",
    "in a guard": "match A:\n    case x if x @ B: pass",
    "in a walrus": "if (n := A @ B) is not None: pass",
    "in an annotation": "x: np.ndarray = A @ B",
    "in a subscript": "A[np.dot(A, B), 1]",
    "in a slice": "A[1:fail(A * 2)]",
    "in a target": "A[fail(v * 2)] = v + 1",
    "in a deletion": "del params[fail(v * 1)]",
    "in a starred": "[*v, *fail(1)]",
    "in a dict": "{'a': A * 2, 'b': A @ B}",
    "in an await": "import asyncio\nasync def f():\n    return (await g()) @ B\nasync def g():\n    return A * 2\nasyncio.run(f())",
    "missing name": "x = undefined @ A",
    "missing operand": "x = A @ undefined",
    "missing argument": "x = np.exp(undefined)",
    "missing function": "x = sigmoid(A * 2)",
    "missing numpy name": "x = np.sigmoid(A * 2)",
    "unbound local": "def f():\n    x = A * W\n    W = 1\nf()",
    "string and array": "x = 'loss' + A",
    "none": "x = A @ None",
    "list and array": "x = [1, 2, 3] @ A",
    "ragged": "np.array([[1, 2], [3]])",
    "out": "np.dot(A, A.T, np.ones(3))",
    "out with the wrong shape": "np.add(A, 1, out=np.ones(3))",
    "in-place sort": "A.sort(axis=5)",
    "resize": "C = A.copy()\nD = C.T\nC.resize((5, 5))",
    "scatter": "np.add.at(A, [0, 5], 1)",
    "copyto": "np.copyto(A, B)",
    "float of an array": "float(A * 2)",
    "range of an array": "for i in range(A): pass",
    "len of a number": "len(A.sum())",
    "exit": "raise SystemExit(A.shape[0] * 2)",
    "interrupt": "raise KeyboardInterrupt",
    "division": "1 / (3 - 3)",
    "integer division": "x = 5 // 0",
    "text after emoji": "s = '💥 déjà'; x = s, A @ B  # ✓ and on",
    "note": "try:\n    A @ B\nexcept ValueError as e:\n    e.add_note('here')\n    raise",
    "group": "try:\n    A @ B\nexcept ValueError as e:\n    raise ExceptionGroup('all', [e])",
    "sum over strings": "sum(s for s in ['a'])",
    "an object that raises": "class Bad:\n    def __array__(self, dtype=None, copy=None): raise OSError('no')\n"
    "    def __matmul__(self, o): return fail(o * 2)\nBad() @ v",
}

REFUSED = {
    "return outside": "return 5",
    "syntax": "x = (A @",
    "await outside": "await A",
    "nonlocal": "nonlocal A",
    "star": "*A",
    "assign to a literal": "f(A) = 3",
}


@pytest.mark.parametrize("text", FAILING.values(), ids=FAILING.keys())
def test_a_failure_reads_the_same(text: str, both: Callable[..., Any]) -> None:
    runs = both(SETUP + text + "\n")
    assert runs.plain.trouble
    assert runs.recorded.trouble.replace("program2.py", "program1.py") == runs.plain.trouble
    assert runs.recorded.visible == runs.plain.visible


@pytest.mark.parametrize("text", FAILING.values(), ids=FAILING.keys())
def test_a_failure_in_a_function_reads_the_same(text: str, both: Callable[..., Any]) -> None:
    body = "".join(f"        {line}\n" for line in text.split("\n"))
    runs = both(SETUP + f"def run(A, B, v):\n    for step in range(2):\n{body}\nrun(A, B, v)\n")
    assert runs.plain.trouble
    assert runs.recorded.visible == runs.plain.visible


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_what_python_does_not_compile_is_refused_in_its_words(text: str, both: Callable[..., Any]) -> None:
    runs = both(SETUP + text + "\n")
    assert "SyntaxError" in runs.plain.trouble
    assert runs.recorded.visible == runs.plain.visible
