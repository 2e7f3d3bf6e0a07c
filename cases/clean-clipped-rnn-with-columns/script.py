import numpy as np

np.random.seed(9)
rhythm = "x..x..x.x..x..x."
symbols = sorted(set(rhythm))
code = [symbols.index(s) for s in rhythm * 6]

n_h, n_s, span = 12, len(symbols), 8
Wx = np.random.randn(n_h, n_s) * 0.3
Wh = np.random.randn(n_h, n_h) * 0.3
Wy = np.random.randn(n_s, n_h) * 0.3
bh = np.zeros((n_h, 1))
by = np.zeros((n_s, 1))


def run(ins, outs, h0, limit=5):
    x, h, p = {}, {-1: h0}, {}
    loss = 0
    for t in range(len(ins)):
        x[t] = np.eye(n_s)[:, [ins[t]]]
        h[t] = np.tanh(Wx @ x[t] + Wh @ h[t - 1] + bh)
        y = Wy @ h[t] + by
        p[t] = np.exp(y) / np.exp(y).sum()
        loss -= np.log(p[t][outs[t], 0])

    d = [np.zeros_like(w) for w in (Wx, Wh, Wy, bh, by)]
    dh_next = np.zeros_like(h0)
    for t in reversed(range(len(ins))):
        dy = p[t] - np.eye(n_s)[:, [outs[t]]]
        d[2] += dy * h[t].T          # column times row
        d[4] += dy
        dz = (Wy.T @ dy + dh_next) * (1 - h[t] * h[t])
        d[0] += dz * x[t].T
        d[1] += dz * h[t - 1].T
        d[3] += dz
        dh_next = Wh.T @ dz
    for g in d:
        np.clip(g, -limit, limit, out=g)
    return loss, d, h[len(ins) - 1]


caches = [np.zeros_like(w) for w in (Wx, Wh, Wy, bh, by)]
losses, h0 = [], np.zeros((n_h, 1))
for it in range(250):
    at = (it * span) % (len(code) - span - 1)
    if at < span:
        h0 = np.zeros((n_h, 1))
    loss, d, h0 = run(code[at:at + span], code[at + 1:at + span + 1], h0)
    losses.append(loss / span)
    for w, g, c in zip((Wx, Wh, Wy, bh, by), d, caches):
        c += g * g
        w -= 0.1 * g / (np.sqrt(c) + 1e-8)
    if it % 50 == 0:
        print("iteration", it, "loss per beat", round(losses[-1], 4))
print("at the end", round(np.mean(losses[-20:]), 4))
