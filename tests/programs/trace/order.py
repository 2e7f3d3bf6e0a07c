"""Operands, arguments, indices, targets and defaults are evaluated in Python's order, each once."""
import numpy as np


def p(name, value=None):
    print(name, end=" ")
    return value


A, B = np.arange(4.0).reshape(2, 2), np.ones((2, 2))
p("+l", A) + p("+r", B) * p("*r", A)
p("@", A) @ (p("-l", B) - p("-r", A)).T
p("cmp", A) < p("cmpr", B)
print(p("a", 1) < p("b", 2) < p("c", 0) < p("d", 5))
print(p("x", 0) and p("y", 1), p("x", 1) and p("y", 2), p("x", 0) or p("y", 3), not p("n", 0))
print(p("then", 1) if p("test", 0) else p("else", 2))
np.dot(p("dot1", A), p("dot2", B), **p("kw", {}))
np.sum(*p("star", [A]), axis=p("axis", 0), **p("dd", {"keepdims": True}))
print(*p("s1", [1]), *p("s2", [2]), sep=p("sep", "-"))
p("obj", A)[p("i", 0), p("j", 1)]
p("obj", A)[p("lo", 0):p("hi", 2):p("st", 1)]
x = {}
p("t1", x)[p("k1", 1)] = p("v", 5)
p("t1", x)[p("k1", 1)], p("t2", x)[p("k2", 2)] = p("v1", 6), p("v2", 7)
p("ta", x)[p("ka", 3)] = p("tb", x)[p("kb", 4)] = p("vv", 8)
print(x)
(a, *b), c = p("un", ((1, 2, 3), 4))
print(a, b, c)
p("lst", A)[p("ii", 0)] += p("vv", 1.0)
lst = [p("e1", 1), *p("e2", [2]), p("e3", 3) + p("e4", 4)]
dct = {p("k", 1): p("v", 2), **p("m", {3: 4}), p("k2", 5): p("v2", 6) * 2}
st = {p("s", 1) - 1, p("s2", 2)}
print(lst, dct, st)


def f(a=p("default1", 1) + 1, *, b=p("default2", A) * 2):
    return b


print(f().sum())
g = lambda q=p("ldef", 3) * 2: q * p("body", 2)
print(g(), g(1))
assert p("assert", 1) == p("assert2", 1), p("never")
print([p("el", i) * 2 for i in p("it", range(3)) if p("if", i) != 1])
print({k: v + 1 for k, v in p("items", {1: 2}).items()}, {q % 2 for q in range(4)})
print(list(p("gen", i) + 1 for i in p("src", [1, 2])))
print(sum(p("ge", v) * 1.0 for v in [1, 2, 3]), max(v * 2 for v in A[0]), min((v for v in [3, 1]), default=2))
if p("if1", 0) > p("if2", 1):
    p("no")
elif p("elif", 2) == p("elif2", 2):
    p("yes")
k = 0
while p("w", k) < p("lim", 2):
    k += 1
else:
    p("wend")
print(f"{p('fs', A)[p('fi', 0)] + 1} {p('w2', 3) * 2:>{p('width', 5)}}")
del p("dl", lst)[p("di", 0)]
with p("ctx", np.errstate(all="ignore")):
    np.log(p("arg", np.zeros(1)))
np.exp(p("in", A[0]), out=p("out", B[0]))
np.add(p("in1", A), p("in2", A), p("in3", B))
np.add.at(p("at", A), p("ati", [0]), p("atv", 1))
p("so", A).sort(axis=p("sax", 0))
np.copyto(p("dst", A), p("src", B), where=p("where", True))
p("chain", A).T.dot(p("arg", B)).sum(p("ax", 0)).reshape(p("r1", 1), p("r2", 2))
print((y := p("walrus", 3)) + y * (y := 4) + y)
print([y := 1, y, y**2][p("wi", 1)])
print(type(p("cls", A)).__name__, getattr(p("ga", A), p("gn", "T")).shape)
assert (p("A", A).shape, p("two", 2)) == (p("B", B).shape, 2)
