"""Single-head causal self-attention with padding mask; task: predict the running mean of the tokens so far."""
import numpy as np

rng = np.random.default_rng(44)
B, T, D = 16, 7, 8
params = {k: rng.normal(0, D ** -.5, (D, D)) for k in ("q", "k", "v")}
params["emb"] = rng.normal(0, .6, (10, D))
params["pos"] = rng.normal(0, .2, (T, D))
params["head"] = rng.normal(0, .3, D)
causal = np.tril(np.ones((T, T), bool))


def model(p, tok, length, target):
    alive = np.arange(T) < length[:, None]                     # (B, T)
    x = p["emb"][tok] + p["pos"]
    q, k, v = x @ p["q"], x @ p["k"], x @ p["v"]
    s = q @ k.transpose(0, 2, 1) / np.sqrt(D)
    mask = causal & alive[:, None, :]
    s = np.where(mask, s, -1e9)
    a = np.exp(s - s.max(-1, keepdims=True))
    a /= a.sum(-1, keepdims=True)
    ctx = a @ v + x
    out = ctx @ p["head"]
    err = (out - target) * alive                               # padded positions do not count
    n = alive.sum()
    loss = (err ** 2).sum() / n

    g = {}
    do = 2 * err / n
    g["head"] = np.einsum("btd,bt->d", ctx, do)
    dctx = do[..., None] * p["head"]
    dv = a.transpose(0, 2, 1) @ dctx
    da = dctx @ v.transpose(0, 2, 1)
    ds = a * (da - (a * da).sum(-1, keepdims=True)) / np.sqrt(D)      # a is 0 where masked, so is ds
    dq = ds @ k
    dk = ds.transpose(0, 2, 1) @ q
    dx = dctx + dq @ p["q"].T + dk @ p["k"].T + dv @ p["v"].T
    for name, d in (("q", dq), ("k", dk), ("v", dv)):
        g[name] = np.tensordot(x, d, axes=([0, 1], [0, 1]))
    g["emb"] = np.zeros_like(p["emb"])
    np.add.at(g["emb"], tok, dx)
    g["pos"] = dx.sum(0)
    return loss, g


def batch():
    tok = rng.integers(0, 10, (B, T))
    return tok, rng.integers(3, T + 1, B), np.cumsum(tok - 4.5, 1) / np.arange(1, T + 1) / 3


m = {k: np.zeros_like(v) for k, v in params.items()}
v2 = {k: np.zeros_like(v) for k, v in params.items()}
for step in range(1, 501):
    loss, g = model(params, *batch())
    for k in params:
        m[k] += .1 * (g[k] - m[k])
        v2[k] += .01 * (g[k] ** 2 - v2[k])
        params[k] = params[k] - .01 * m[k] / (1 - .9 ** step) / (np.sqrt(v2[k] / (1 - .99 ** step)) + 1e-8)
    if step % 100 == 0:
        print(f"step {step} loss {loss:.5f}")
