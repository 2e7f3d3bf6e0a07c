"""In-place operators on names, attributes, properties, items and slices; each access is counted."""
import numpy as np

log = []


class Counted:
    def __init__(self, n):
        self.n = n
        self._p = 1.0
        self.items = {}

    @property
    def p(self):
        log.append("get p")
        return self._p

    @p.setter
    def p(self, value):
        log.append(f"set p {value}")
        self._p = value

    def __getitem__(self, key):
        log.append(f"getitem {key}")
        return self.items.get(str(key), 0.0)

    def __setitem__(self, key, value):
        log.append(f"setitem {key} {value}")
        self.items[str(key)] = value

    def __getattr__(self, name):
        log.append(f"getattr {name}")
        if name.startswith("lazy"):
            return 2.5
        raise AttributeError(name)

    def __iadd__(self, other):
        log.append(f"iadd {other}")
        other += 1
        self.n += other
        return self

    def __isub__(self, other):
        return 7.5


def show(x):
    log.append(f"show {x}")
    return x


c = Counted(1)
c.p += show(2.0)
c.p -= 1
c["a"] += show(3.0)
c[show(1):show(2), ...] += 4.0
c.lazy_one += 1
c.lazy_one += 1
c += 5
c += c.n
print(c.n, c.p, c.items, c.__dict__)
keep = c
c -= 1
print(c, keep.n)

x = np.arange(6.0)
y = x
x += 1
print(y, x is y)
x = x + 0
x[1:3] += [10, 20]
x[[0, 0, 1]] += 1
x[x > 12] *= 2
print(x)
W = [np.zeros(2), np.ones(2)]
W0 = W[0]
W[show(0)] += show(np.array([1.0, 2.0]))
W[-1] -= 3
print(W, W[0] is W0)
d = {"a": np.zeros(2), ("b", 1): 1.5, "t": (1, 2), "l": [1], "s": "x", "n": 3}
d["a"] += 1
d[("b", 1)] *= 2
d["t"] += (3,)
d["l"] += [2]
d["s"] += "y"
d["n"] //= 2
d["n"] <<= 3
print(d)
i = np.arange(4)
i[0] -= 5
i //= 2
i %= 3
i **= 2
i |= 8
i &= 15
i ^= 1
i >>= 1
print(i)
M = np.eye(2)
M @= M + 1
print(M)
M.T[0] += 5
M.flat[3] += 1
M.real += 2
print(M)
n = 0
for k in range(5):
    n += k
    n -= (n := n + 1)
print(n)
total = 0.0
for v in x:
    total += v
print(total, type(total))
s = set()
s |= {1}
s ^= {1, 2}
print(s)
t = np.float64(1.5)
u = t
t += 1
print(t, u)


def outer():
    acc = 0.5

    def inner():
        nonlocal acc
        global total
        acc += 1
        total += acc
        return acc

    inner()
    inner()
    return acc


print(outer(), total)


class Body:
    a = 1.0
    a += 2
    b = [a]
    b += [a * 2]
    __hidden = 3.0
    __hidden *= 2

    def __init__(self):
        self.__w = np.zeros(2)
        self.__w += 1
        self.__f = 1.5
        self.__f += 1
        self.__f = self.__f * 2

    def __str__(self):
        return f"{self.__w} {self.__f} {self.__dict__} {self._Body__hidden}"


print(Body(), Body.a, Body.b, sorted(vars(Body)))


class Slots:
    __slots__ = ("w",)

    def __init__(self):
        self.w = 1.0
        self.w += 0.5
        self.w -= np.ones(2)


print(Slots().w)


def side(*a):
    log.append(a)
    return a[0]


side(W)[side(0)][side(1, 2)] += side(2.0)
print(W)
for line in log:
    print(line)
