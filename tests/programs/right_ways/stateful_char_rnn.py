"""min-char-rnn in spirit: state kept across chunks, Adagrad, gradients clipped by value, sampling every now and then."""
import numpy as np

np.random.seed(40)
data = "the quick brown fox jumps over the lazy dog. " * 12
chars = sorted(set(data))
V = len(chars)
ch2ix = {c: i for i, c in enumerate(chars)}
H, seq = 40, 15

Wxh = np.random.randn(H, V) * 0.1
Whh = np.random.randn(H, H) * 0.1
Why = np.random.randn(V, H) * 0.1
bh, by = np.zeros((H, 1)), np.zeros((V, 1))


def lossFun(inputs, targets, hprev):
    hs, ps = {-1: np.copy(hprev)}, {}
    loss = 0
    for t, ix in enumerate(inputs):
        hs[t] = np.tanh(Wxh[:, ix:ix + 1] + Whh @ hs[t - 1] + bh)     # column of Wxh = product with one-hot
        y = Why @ hs[t] + by
        e = np.exp(y - y.max())
        ps[t] = e / e.sum()
        loss += -np.log(ps[t][targets[t], 0])
    dWxh, dWhh, dWhy = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(Why)
    dbh, dby = np.zeros_like(bh), np.zeros_like(by)
    dhnext = np.zeros((H, 1))
    for t in range(len(inputs) - 1, -1, -1):
        dy = np.copy(ps[t])
        dy[targets[t]] -= 1
        dWhy += dy @ hs[t].T
        dby += dy
        draw = (1 - hs[t] ** 2) * (Why.T @ dy + dhnext)
        dbh += draw
        dWxh[:, inputs[t]] += draw[:, 0]            # += since a letter can come back within the chunk
        dWhh += draw @ hs[t - 1].T
        dhnext = Whh.T @ draw
    for d in (dWxh, dWhh, dWhy, dbh, dby):
        np.clip(d, -5, 5, out=d)
    return loss, dWxh, dWhh, dWhy, dbh, dby, hs[len(inputs) - 1]


def sample(h, ix, n):
    out = []
    for _ in range(n):
        h = np.tanh(Wxh[:, ix:ix + 1] + Whh @ h + bh)
        ix = int(np.argmax(Why @ h + by))
        out.append(chars[ix])
    return "".join(out)


mem = [np.zeros_like(q) for q in (Wxh, Whh, Why, bh, by)]
smooth = -np.log(1.0 / V) * seq
p = 0
hprev = np.zeros((H, 1))
for n in range(1500):
    if p + seq + 1 >= len(data):
        hprev, p = np.zeros((H, 1)), 0
    inputs = [ch2ix[c] for c in data[p:p + seq]]
    targets = [ch2ix[c] for c in data[p + 1:p + seq + 1]]
    loss, *grads, hprev = lossFun(inputs, targets, hprev)
    smooth = 0.99 * smooth + 0.01 * loss
    for param, dparam, m in zip((Wxh, Whh, Why, bh, by), grads, mem):
        m += dparam * dparam
        param += -0.1 * dparam / np.sqrt(m + 1e-8)
    p += seq
    if n % 500 == 499:
        print("iter %d, loss %.3f: %r" % (n + 1, smooth, sample(hprev, targets[-1], 30)))
