"""Array subclasses, objects that overload operators, views, 0-d, masked, object and integer arrays."""
import pickle
import copy
import random
import warnings

import numpy as np


class Tagged(np.ndarray):
    def __new__(cls, data, tag="t"):
        obj = np.asarray(data, dtype=float).view(cls)
        obj.tag = tag
        return obj

    def __array_finalize__(self, obj):
        print("finalize", type(obj).__name__)
        self.tag = getattr(obj, "tag", None)

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        print("ufunc", ufunc.__name__, method, sorted(kwargs))
        plain = [np.asarray(i) for i in inputs]
        out = kwargs.pop("out", None)
        result = getattr(ufunc, method)(*plain, **kwargs)
        if out:
            out[0][...] = result
            return out[0]
        return result.view(Tagged) if isinstance(result, np.ndarray) else result


t = Tagged([1, 2, 3])
u = (t + 1) * 2 - t / 3
u += 1
u[0] = 5
u[1:] *= 2
print(u, type(u).__name__, u.tag, u.sum(), u.T @ t, t[0], t > 1)


class Wrapper:
    __array_priority__ = 1000
    calls = 0

    def __init__(self, v):
        self.v = np.asarray(v, float)

    def __array__(self, dtype=None, copy=None):
        Wrapper.calls += 1
        return self.v

    def __add__(self, o):
        return Wrapper(self.v + getattr(o, "v", o))

    __radd__ = __add__

    def __matmul__(self, o):
        return Wrapper(self.v @ getattr(o, "v", o))

    def __getitem__(self, i):
        print("item", i)
        return self.v[i]

    def __neg__(self):
        return Wrapper(-self.v)

    def __eq__(self, o):
        print("eq")
        return NotImplemented

    __hash__ = None

    def __bool__(self):
        print("bool")
        return True

    def __len__(self):
        print("len")
        return len(self.v)

    def __iter__(self):
        print("iter")
        return iter(self.v)

    @property
    def T(self):
        print("T")
        return Wrapper(self.v.T)

    @property
    def __class__(self):
        print("class")
        return Wrapper


w = Wrapper([1, 2])
x = -(w + 1 + w.T) @ np.ones(2)
print(x.v, (np.ones(2) + w).v, w[1:], w[0, ...] if False else w[1], w == 3, bool(w), np.exp(w), Wrapper.calls)
print([v * 2 for v in w], np.dot(w, [1, 2]), sum(w), Wrapper.calls)
m = np.matrix([[1, 2], [3, 4]])
print(m * m, m.T * m[0].T, m.I @ m, m.A1 * 2, np.multiply(m, m), type(m * 2).__name__)
ma = np.ma.masked_array([1.0, 2, 3], mask=[0, 1, 0])
ma += 1
ma[0] = 9
ma[2] = np.ma.masked
print(ma * 2, ma.sum(), ma.T, (ma > 2).any())
o = np.array([1, "a", None, [1]], dtype=object)
o[0] += 1
o[3] = o[3] + [2]
print(o, o[:1] * 2)
z = np.array(3.0)
z += 1
z[()] = z * 2
z[...] -= 1
print(z, z.shape, z + 1, type(z + 1).__name__, -z, z.item())
e = np.zeros((0, 3))
e += 1
e[:] = 2
print(e.T @ e, e.sum(axis=0), e[0:0] * 2)
rec = np.zeros(2, dtype=[("a", float), ("b", int)])
rec["a"] += 1.5
rec[0] = (2.0, 3)
rec["b"][1] = 7
print(rec, rec["a"] * 2)
f = np.asfortranarray(np.arange(6.0).reshape(2, 3))
v = f[:, ::-1].T
v[0] = 9
f[1] *= -1
v += 1
print(f, v, v.base is f, f.flags.f_contiguous, v.flags.owndata)
c = np.zeros(2, complex)
c.real = [1, 2]
c.imag += 3
c.real[0] -= 5
print(c, abs(c), c.conj() * c)
r = np.arange(5)
r[[0, 1]], r[3:] = r[[1, 0]], 7
r[0], r[4] = r[4], r[0]
print(r, divmod(r, 2), pow(r, 2), round(np.float64(2.567), 2), abs(-r), ~r, +r, r << 1, r % 3, r & 1)
b = r > 2
print(b, ~b, b & (r < 7), b | b, b ^ b, np.where(b), r[b], (r == 7).sum(), 3 in r)
np.random.seed(3)
random.seed(3)
X = np.arange(12.0).reshape(6, 2)
np.random.shuffle(X)
idx = np.random.permutation(6)
L = list(range(5))
random.shuffle(L)
rng = np.random.default_rng(5)
rng.shuffle(X, axis=1)
print(X, idx, L, X[idx][:2], rng.normal(size=2) * 2, np.random.rand(2) * random.random())
X.sort(axis=0)
np.add.at(X, ([0, 0], [1, 1]), 1.0)
np.fill_diagonal(X, -1)
np.put(X, [0], 9)
np.exp(X, out=X, where=X < 1)
np.clip(X, 0, 3, X)
np.dot(np.eye(6), X * 1, X)
np.maximum(X, 1, X)
print(X)
X.resize((3, 4))
print(X.shape)
Y = X.copy()
Y.resize((2, 2))
(Y * 2).resize((1, 1))
print(Y)
X.shape = (4, 3)
X.fill(2)
X.itemset if hasattr(X, "itemset") else None
X.setflags(write=False)
try:
    X += 1
except ValueError as err:
    print(err)
try:
    X[0] = 1
except ValueError as err:
    print(err)
print(pickle.loads(pickle.dumps(X[0] * 2)), copy.deepcopy([X.T])[0].shape)


def named(x):
    return x * 2


print(pickle.loads(pickle.dumps(named))(np.ones(2)), pickle.loads(pickle.dumps(np.add))(1, 2))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    np.log(np.zeros(2) - 1) + np.exp(np.array([1000.0]))
    np.ones(2) / np.zeros(2)
    np.array([1, 2]) @ np.array([1.0, 2]) / np.float64(0)
    print([(str(item.message), item.lineno, item.category.__name__) for item in caught])
with np.errstate(all="raise"):
    try:
        np.ones(1) / np.zeros(1)
    except FloatingPointError as err:
        print(err)
lists = [np.zeros(2), np.ones(2)]
S = np.array(lists)
lists[0] = 5
lists.append(3)
print(S, np.vstack([S, S[0]]), np.concatenate((S[0], S[1])), np.stack([r_ * 2 for r_ in S]))
for row in S:
    row += 1
for i, (p, q) in enumerate(zip(S, S.T)):
    q[i] = p @ p
print(S)
print(np.einsum("ij,jk", S, S), np.tensordot(S, S), np.linalg.norm(S), np.outer(S[0], S[1]), np.linalg.solve(S, S[0]))
print(S.mean(0), S.argmax(), S.std(axis=1, keepdims=True), S.tolist(), S.flatten()[::2], S.ravel().base is S, S.shape[0] * 2)
print("%d %s" % (S.size * 2, S.dtype), "a" * 3 + "b", [1] * 2 + [3], (1,) + (2,), b"x" + b"y", {1} | {2}, {"a": 1} | {"b": 2})
print(1 / 3 * 3 == 1, 0.1 + 0.2, 7 // 2, -7 % 3, 2 ** -1, 1 << 70, True + True, 3 @ np.ones(()) if False else "")
