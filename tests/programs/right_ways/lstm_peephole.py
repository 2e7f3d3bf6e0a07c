# LSTM with peephole connections (Gers): i, f look at c_{t-1}, o looks at c_t.  Adding problem, short sequences.
import numpy as np

rng = np.random.default_rng(41)
nx, nh, T, B = 2, 10, 8, 32


def sig(a):
    return 1 / (1 + np.exp(-a))


P = {}
for gate in "ifog":
    P["W" + gate] = rng.normal(0, .4, (nx, nh))
    P["U" + gate] = rng.normal(0, .25, (nh, nh))
    P["b" + gate] = np.zeros(nh) + (gate == "f")
for gate in "ifo":
    P["p" + gate] = rng.normal(0, .1, nh)
P["V"] = rng.normal(0, .3, nh)
P["c"] = np.zeros(1)


def run(P, x, y):
    h, c = np.zeros((len(x), nh)), np.zeros((len(x), nh))
    tape = []
    for t in range(x.shape[1]):
        xt = x[:, t]
        i = sig(xt @ P["Wi"] + h @ P["Ui"] + c * P["pi"] + P["bi"])
        f = sig(xt @ P["Wf"] + h @ P["Uf"] + c * P["pf"] + P["bf"])
        g = np.tanh(xt @ P["Wg"] + h @ P["Ug"] + P["bg"])
        c_new = f * c + i * g
        o = sig(xt @ P["Wo"] + h @ P["Uo"] + c_new * P["po"] + P["bo"])
        h_new = o * np.tanh(c_new)
        tape.append((xt, h, c, i, f, g, o, c_new))
        h, c = h_new, c_new
    pred = h @ P["V"] + P["c"]
    err = pred - y
    loss = 0.5 * np.mean(err ** 2)

    G = {k: np.zeros_like(v) for k, v in P.items()}
    dy = err / len(y)
    G["V"] = h.T @ dy
    G["c"] = np.array([dy.sum()])
    dh, dc = np.outer(dy, P["V"]), np.zeros_like(c)
    for xt, hp, cp, i, f, g, o, cn in tape[::-1]:
        tc = np.tanh(cn)
        do = dh * tc * o * (1 - o)
        dc = dc + dh * o * (1 - tc ** 2) + do * P["po"]          # o peeks at the NEW cell
        di = dc * g * i * (1 - i)
        df = dc * cp * f * (1 - f)
        dg = dc * i * (1 - g ** 2)
        G["po"] += (do * cn).sum(0)
        G["pi"] += (di * cp).sum(0)
        G["pf"] += (df * cp).sum(0)
        dh = np.zeros_like(dh)
        for name, d in (("i", di), ("f", df), ("o", do), ("g", dg)):
            G["W" + name] += xt.T @ d
            G["U" + name] += hp.T @ d
            G["b" + name] += d.sum(0)
            dh += d @ P["U" + name].T
        dc = dc * f + di * P["pi"] + df * P["pf"]
    return loss, G


def make(n):
    v = rng.uniform(0, 1, (n, T))
    mark = np.zeros((n, T))
    mark[np.arange(n), rng.integers(0, T // 2, n)] = 1
    mark[np.arange(n), rng.integers(T // 2, T, n)] = 1
    return np.stack([v, mark], axis=2), (v * mark).sum(1)


m = {k: np.zeros_like(v) for k, v in P.items()}
s = {k: np.zeros_like(v) for k, v in P.items()}
for it in range(1, 501):
    loss, G = run(P, *make(B))
    for k in P:
        m[k] = .9 * m[k] + .1 * G[k]
        s[k] = .99 * s[k] + .01 * G[k] ** 2
        P[k] -= .015 * (m[k] / (1 - .9 ** it)) / (np.sqrt(s[k] / (1 - .99 ** it)) + 1e-8)
    if it % 100 == 0:
        print("it %d loss %.5f" % (it, loss))
