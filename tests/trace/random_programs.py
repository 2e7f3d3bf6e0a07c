"""Makes small NumPy programs at random: views of views, changes in place, failures that are caught, aliases."""

from __future__ import annotations

from hypothesis import strategies as st

NAMES = ["a", "b", "c", "d"]
SETUP = """\
import numpy as np
from numpy import exp as e
np.random.seed({seed})
a = np.arange(12.0).reshape(3, 4)
b = np.asfortranarray(np.random.randn(3, 4))
c = np.ones(4)
d = np.random.rand(4, 4)[1:, ::-1]
k = np.arange(6).reshape(2, 3)
s = 0.5
items = [a, b * 2, c]
table = {{"W1": d, "b1": np.zeros((3, 1))}}
class Net:
    def __init__(self): self.W, self.b, self.n = [a * 1, b], c, 1.5
    def step(self, x):
        y = x * 2 - self.b
        y[0] = 0
        return y
    def update(self, g):
        self.b -= g
        self.W[0] += self.b
        self.n *= 1.1
net = Net()
def half(x):
    r = x / 2
    return r if s > 0 else r.T
"""

name = st.sampled_from(NAMES)
atom = st.one_of(
    name,
    name,
    st.sampled_from(
        [
            "items[0]",
            "items[-1]",
            "table['W1']",
            "net.b",
            "net.W[1]",
            "s",
            "2",
            "0.5",
            "k",
            "net.n",
            "a[1]",
            "b.T",
            "d[:, 0]",
        ]
    ),
)
index = st.sampled_from(
    [
        "0",
        "-1",
        "1:",
        "::-1",
        ":, 1",
        "..., 0",
        "[0, 1]",
        "[[0, 0], [1, 2]]",
        "(0, 1)",
        "a[0] > 1",
        "None",
        ":, ::2",
        "k[0]",
        "0:i",
    ]
)


def _compose(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    two = st.tuples(inner, inner)
    return st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "@", ">", "%"]), inner).map(
            lambda t: f"({t[0]} {t[1]} {t[2]})"
        ),
        inner.map(lambda x: f"({x}).T"),
        inner.map(lambda x: f"(-({x}))"),
        st.tuples(inner, index).map(lambda t: f"np.asarray({t[0]})[{t[1]}]"),
        inner.map(lambda x: f"e(({x}) * 0.01)"),
        inner.map(lambda x: f"np.sum({x}, axis=0)"),
        inner.map(lambda x: f"np.asarray({x}).mean()"),
        inner.map(lambda x: f"np.reshape({x}, -1)"),
        two.map(lambda t: f"np.dot({t[0]}, {t[1]})"),
        two.map(lambda t: f"np.maximum({t[0]}, {t[1]})"),
        two.map(lambda t: f"np.array([{t[0]}, {t[1]}])"),
        two.map(lambda t: f"(lambda q: q * 2 + {t[0]})({t[1]})"),
        two.map(lambda t: f"({t[0]} if i % 2 else {t[1]})"),
        # An assignment expression is no iterable of a comprehension.
        two.filter(lambda t: ":=" not in t[0]).map(lambda t: f"sum(r for r in np.atleast_1d({t[0]}) * 0.1)"),
        inner.map(lambda x: f"half({x})"),
        inner.map(lambda x: f"net.step({x})"),
        inner.map(lambda x: f"(w := {x})"),
    )


expression = st.recursive(atom, _compose, max_leaves=4)
statement = st.one_of(
    st.tuples(name, expression).map(lambda t: f"{t[0]} = {t[1]}"),
    st.tuples(name, expression).map(lambda t: f"{t[0]} = {t[1]}"),
    st.tuples(name, st.sampled_from(["+", "-", "*", "/"]), expression).map(lambda t: f"{t[0]} {t[1]}= {t[2]}"),
    st.tuples(name, index, expression).map(lambda t: f"{t[0]}[{t[1]}] = {t[2]}"),
    st.tuples(name, index, st.sampled_from(["+", "-", "*"]), expression).map(
        lambda t: f"{t[0]}[{t[1]}] {t[2]}= {t[3]}"
    ),
    st.tuples(name, index, name).map(lambda t: f"{t[0]} = {t[2]}[{t[1]}]"),
    st.tuples(name, expression).map(lambda t: f"np.add({t[0]}, {t[1]}, out={t[0]})"),
    st.tuples(name, expression).map(lambda t: f"np.multiply({t[0]}, {t[1]}, {t[0]})"),
    st.tuples(name, expression).map(lambda t: f"np.copyto({t[0]}, {t[1]})"),
    name.map(lambda n: f"{n}.sort(axis=0)"),
    name.map(lambda n: f"np.random.shuffle({n})"),
    name.map(lambda n: f"{n}.fill(i)"),
    name.map(lambda n: f"np.add.at({n}, [0, 0], 1.5)"),
    st.tuples(name, name).map(lambda t: f"{t[0]}[0], {t[1]}[1] = {t[1]}[1], {t[0]}[0]"),
    expression.map(lambda x: f"items[0] = {x}"),
    expression.map(lambda x: f"items[-1] -= {x}"),
    expression.map(lambda x: f"table['W1'] *= {x}"),
    expression.map(lambda x: f"net.update({x})"),
    expression.map(lambda x: f"net.W = [{x}, c * 1]"),
    expression.map(lambda x: f"s += float(np.sum({x}))"),
    name.map(lambda n: f"for row in {n}:\n        row += 1"),
    name.map(lambda n: f"for row, other in zip({n}, b):\n        c = row * other"),
    expression.map(lambda x: f"k += {x}"),
    st.tuples(name, name).map(lambda t: f"{t[0]}.T[1:] -= {t[1]}[0]"),
    expression.map(lambda x: f'print(f"{{np.sum({x})}}", {x})'),
)


@st.composite
def programs(draw: st.DrawFn) -> str:
    """A program that prints what it has after each statement, and goes on after a failed one."""
    lines = [SETUP.format(seed=draw(st.integers(0, 9))), f"for i in range({draw(st.integers(1, 3))}):"]
    for text in draw(st.lists(statement, min_size=2, max_size=9)):
        lines += ["    try:", f"        {text.replace(chr(10), chr(10) + '    ')}"]
        lines += ["    except Exception as problem:", "        print(type(problem).__name__, problem)"]
        lines += ["    print(a, b, c, d, k, s, items, table, vars(net), sep='|')"]
    return "\n".join(lines) + "\n"
