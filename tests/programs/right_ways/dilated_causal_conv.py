"""WaveNet-like stack of causal dilated 1-D convolutions (kernel 2, dilation 1, 2, 4) predicting the next sample."""
import numpy as np

rng = np.random.default_rng(52)
C, T, N = 8, 40, 12
DIL = (1, 2, 4)


def shift(x, d):
    """x[t] -> x[t - d], zeros come in on the left"""
    out = np.zeros_like(x)
    out[:, :, d:] = x[:, :, :-d]
    return out


def unshift(g, d):
    out = np.zeros_like(g)
    out[:, :, :-d] = g[:, :, d:]
    return out


def mul(K, x):
    return np.einsum("oi,nit->not", K, x)


P = {"in": rng.normal(0, .7, (C, 1)), "out": rng.normal(0, .3, (1, C)), "bout": np.zeros(1)}
for d in DIL:
    P["past%d" % d] = rng.normal(0, C ** -.5 * .7, (C, C))
    P["now%d" % d] = rng.normal(0, C ** -.5 * .7, (C, C))
    P["bias%d" % d] = np.zeros(C)


def loss_and_grads(P, x, y):
    h = mul(P["in"], x)
    tape = []
    for d in DIL:
        s = shift(h, d)
        a = np.tanh(mul(P["past%d" % d], s) + mul(P["now%d" % d], h) + P["bias%d" % d][:, None])
        tape.append((d, h, s, a))
        h = h + a                                  # residual
    pred = mul(P["out"], h) + P["bout"][:, None]
    e = pred - y
    G = {}
    dp = 2 * e / e.size
    G["out"], G["bout"] = np.einsum("not,nit->oi", dp, h), dp.sum((0, 2))
    dh = mul(P["out"].T, dp)
    for d, h_in, s, a in reversed(tape):
        dz = dh * (1 - a ** 2)
        G["past%d" % d] = np.einsum("not,nit->oi", dz, s)
        G["now%d" % d] = np.einsum("not,nit->oi", dz, h_in)
        G["bias%d" % d] = dz.sum((0, 2))
        dh = dh + mul(P["now%d" % d].T, dz) + unshift(mul(P["past%d" % d].T, dz), d)
    G["in"] = np.einsum("not,nit->oi", dh, x)
    return (e ** 2).mean(), G


def signals():
    t = np.arange(T + 1)
    w = np.sin(.9 * t + rng.uniform(0, 6, (N, 1))) + .5 * np.sin(.37 * t + rng.uniform(0, 6, (N, 1)))
    return w[:, None, :-1], w[:, None, 1:]


mom = {k: np.zeros_like(v) for k, v in P.items()}
for it in range(401):
    loss, G = loss_and_grads(P, *signals())
    for k in P:
        mom[k] = 0.9 * mom[k] + G[k]
        P[k] = P[k] - 0.02 * mom[k]
    if it % 100 == 0:
        print("it %d  mse %.5f" % (it, loss))
