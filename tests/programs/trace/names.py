"""What a program sees of itself: its names, its source, its frames."""
from __future__ import annotations

import dataclasses
import inspect
import sys
import types

import numpy as np

before = sorted(globals())
W = np.ones((2, 3))
W = W * 2
W[0] += 1
W[1, :] = W[0] @ W.T @ W / 3
print(sorted(set(globals()) - set(before)), sorted(dir()) == sorted(globals()))


def forward(x: np.ndarray, *, k: int = 3) -> "np.ndarray":
    """Multiply."""
    y = x @ x.T
    y += 1
    y[0] = y[0] * 2
    z = [q * 2 for q in y]
    print(sorted(locals()), sorted(vars()))
    if k > 0:
        return forward(x, k=k - 1) + y.sum()
    return y.T


print(forward(W))
print(inspect.getsource(forward))
print(forward.__doc__, forward.__annotations__, forward.__kwdefaults__, forward.__name__, forward.__qualname__)
print(forward.__code__.co_varnames, forward.__code__.co_names, forward.__code__.co_firstlineno)
print(forward.__code__.co_freevars, forward.__code__.co_cellvars, forward.__code__.co_argcount, forward.__code__.co_flags)
print(inspect.signature(forward), __doc__, __name__)


@dataclasses.dataclass
class Layer:
    """A layer."""

    n_in: int
    n_out: int = 2 + 1
    W: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(2) + 1)

    def __post_init__(self):
        self.W = self.W * self.n_in

    @property
    def T(self):
        return self.W[:, None].T

    @classmethod
    def make(cls, n):
        return cls(n).W * 2

    @staticmethod
    def double(v):
        return v * 2


layer = Layer(3)
print(layer, layer.T, Layer.make(4), Layer.double(layer.W), [f.name for f in dataclasses.fields(Layer)])
print(Layer.__doc__, sorted(k for k in vars(Layer) if not k.startswith("__")))


class Base:
    def f(self):
        return np.arange(3) * 1.0


class Derived(Base):
    __private = 2.0

    def f(self):
        me = __class__.__name__
        return super().f() * self.__private, super(Derived, self).f().T, me

    def g(self):
        self.__x = np.ones(2)
        self.__x[0] = self.__x[1] * 3
        return {k: v.tolist() for k, v in self.__dict__.items()}


print(Derived().f(), Derived().g(), Derived.__mro__[1].__name__)


def who():
    return [frame.function for frame in inspect.stack()][:2], sys._getframe().f_lineno, sys._getframe(1).f_code.co_name


print(who()[0][0], np.array(who()[1]) * 1, who()[2])


def scope():
    a = np.ones(2)
    eval("print(a * 2)")
    exec("a2 = a + 1\nprint(a2, sorted(locals()))")
    b = locals()
    c = a + 1
    return sorted(b), c


print(scope())
exec("late = W.sum() * 2")
print(late, eval("late + W[0, 0]"))
ns = {}
exec("from math import *\nq = sin(0.5) * 2", ns)
print(ns["q"])
from math import *
print(cos(W[0, 0]) * pi, floor(2.5) - 1)
module = types.ModuleType("m")
module.W = np.ones(2)
module.W += 1
module.W[0] -= 4
print(module.W, vars(module)["W"])
del W
try:
    W @ W
except NameError as e:
    print(e)
try:
    def local():
        v = np.ones(2)
        del v
        return v + 1
    local()
except UnboundLocalError as e:
    print(e)


def killer():
    global K
    del K
    return 2.0


K = np.ones(2)
print(K * killer())
K = np.ones(2)


def rebinder():
    global K
    K = np.zeros(3)
    return 3.0


print(K + rebinder(), K)
print(sorted(n for n in globals() if "check" in n or "hook" in n or "record" in n))
x: np.ndarray = np.ones(2) * 3
print(x, __annotations__)
print(callable(forward), hasattr(np, "dot"), isinstance(x, np.ndarray))
theta = np.array([2.0, 0.5, -1.0])
k, c, a = theta
[k2, c2, a2] = theta * 2
print(type(k), k * a, k2 + c2, a2 is not k2)
whole, counts = np.array([3, 4])
print(type(whole), whole + counts)
first, second = np.arange(4.0).reshape(2, 2)
print(first, second.base is not None)
for wrong in (theta[:2], np.array([1.0])):
    try:
        k, c, a = wrong
    except ValueError as e:
        print(e)
