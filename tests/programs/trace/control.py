"""Generators, coroutines, exceptions, context managers, pattern matching and loops around recorded expressions."""
import asyncio
import contextlib
import functools
import itertools

import numpy as np


def batches(X, n):
    for i in range(0, len(X), n):
        got = yield X[i:i + n] * 2
        if got is not None:
            X = X + (got * 1.0)
    return X.sum() * 2


g = batches(np.arange(6.0), 2)
print(next(g), g.send(10), next(g))
try:
    next(g)
except StopIteration as stop:
    print(stop.value)


def delegate():
    r = yield from batches(np.ones(2), 1)
    x = (yield r * 2) + np.ones(2) * (yield 3)
    return x


d = delegate()
print(list(itertools.islice(d, 3)))
print(d.send(np.ones(2)))
try:
    d.send(4)
except StopIteration as stop:
    print(stop.value)
a, b = batches(np.arange(4.0), 1), batches(np.arange(4.0) * 10, 1)
print(next(a) + next(b), next(b) * next(a).T, np.dot(next(a), next(b)), [x - y for x, y in zip(a, b)])


async def layer(x):
    await asyncio.sleep(0)
    return x * 2


async def source(n):
    for i in range(n):
        yield np.ones(2) * i
        await asyncio.sleep(0)


async def main():
    x = np.ones(2)
    y = await layer(x) + await layer(x * 3)
    results = await asyncio.gather(*(layer(y * i) for i in range(3)))
    z = [v + 1 async for v in source(3) if v[0] != 1]
    async with contextlib.AsyncExitStack():
        async for v in source(2):
            y += v
    return y, results, z, [await layer(q) for q in z]


print(asyncio.run(main()))


def faulty(n):
    try:
        return np.ones(n) @ np.ones(2) + undefined(n)
    except ValueError as e:
        return -np.ones(1)
    except NameError:
        return np.ones(1) * 5
    else:
        return 0
    finally:
        print("finally", n)


print(faulty(2), faulty(3))
for i in range(5):
    try:
        r = (np.ones(2) * 2) + (np.ones(3) * 2 if i % 2 else np.ones(2) * i)
    except ValueError as e:
        print("caught", e)
        continue
    else:
        print(r)
try:
    try:
        np.dot(np.ones(2) * 1, np.ones(3) * 1)
    except ValueError as e:
        raise RuntimeError("outer") from e
except RuntimeError as e:
    print(repr(e), repr(e.__cause__))
try:
    raise ExceptionGroup("g", [ValueError(np.ones(1) * 2)])
except* ValueError as group:
    print(group.exceptions)


@contextlib.contextmanager
def scaled(x):
    x *= 2
    yield x + 0
    x /= 2


x = np.ones(2)
with scaled(x) as s, scaled(s) as t:
    s[0] = t[1] * 3
    print(x, s, t)
print(x)
with contextlib.suppress(ValueError):
    x @ np.ones(3)


def matched(v):
    match v * 2 if isinstance(v, np.ndarray) else v:
        case {"w": w, **rest} if w > 1:
            return w * 2, rest
        case [a, b, *c]:
            return a + b, c
        case float() | int() as n:
            return n * 2
        case np.ndarray(shape=(2,)) as arr:
            return arr + 1
        case _:
            return None


print(matched({"w": 3, "b": 1}), matched([1, 2, 3]), matched(2.5), matched(np.ones(2)), matched("x"))


@functools.lru_cache(maxsize=None)
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


@functools.wraps(fib)
def wrapped(*a, **k):
    return fib(*a, **k) * 1.5


print(fib(50), wrapped(10), fib.cache_info().hits, wrapped.__name__)


def deep(n, x):
    return x if n == 0 else deep(n - 1, x * 1.001) + (x * 0)


print(deep(300, np.ones(2)))
total = 0
for i in range(20000):
    total += i * 2 - i // 3
    if total > 10**7:
        break
else:
    print("no break")
print(total)
k = 0.0
while True:
    k += 0.5
    if k == 3:
        continue
    if k > 5:
        break
print(k)
compose = lambda *fs: functools.reduce(lambda f, g: lambda x: g(f(x)), fs)
print(compose(np.exp, lambda v: v * 2, np.sum)(np.zeros(2)))
print(list(map(lambda v: v ** 2, np.arange(3.0))), sorted([3.0, 1.0], key=lambda v: -v), list(filter(lambda v: v > 1, [1, 2])))
print([[i * j for j in range(3)] for i in range(3)], [(i, j) for i in range(2) for j in range(i)])


class Meta(type):
    def __new__(mcls, name, bases, ns, **kw):
        ns["scale"] = kw.get("scale", 1) * 2
        return super().__new__(mcls, name, bases, ns)

    def __call__(cls, *a):
        return super().__call__(*a)


class WithMeta(metaclass=Meta, scale=3 * 2):
    table = [v * 2 for v in range(3)]
    size = len(table) + 1

    def __call__(self, x):
        return x * self.scale

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        return exc[0] is ValueError


with WithMeta() as wm:
    print(wm(np.ones(2)), wm.table, wm.size)
    np.ones(2) + np.ones(3)
print("after")
