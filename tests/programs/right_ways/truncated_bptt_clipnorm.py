# Echo task (output the bit seen 2 steps ago). Truncated BPTT: hidden state carried between the windows, gradient is not.
import numpy as np

rng = np.random.RandomState(5)
H, T, B = 12, 6, 10
LEN = 600
bits = rng.randint(0, 2, (LEN, B)).astype(float)
echo = np.vstack([np.zeros((2, B)), bits[:-2]])

Wxh = rng.randn(1, H) * 0.5
Whh = rng.randn(H, H) * 0.3
Why = rng.randn(H, 1) * 0.3
bh, by = np.zeros(H), np.zeros(1)
params = [Wxh, Whh, Why, bh, by]


def window(xw, tw, h0):
    h = {-1: h0}
    p = {}
    loss = 0
    for t in range(len(xw)):
        h[t] = np.tanh(xw[t][:, None] @ Wxh + h[t - 1] @ Whh + bh)
        p[t] = 1 / (1 + np.exp(-(h[t] @ Why + by)))[:, 0]
        loss -= (tw[t] * np.log(p[t]) + (1 - tw[t]) * np.log(1 - p[t])).mean()
    dWxh, dWhh, dWhy, dbh, dby = [np.zeros_like(q) for q in params]
    dh_next = np.zeros_like(h0)              # nothing comes back from the next window: that is the truncation
    for t in reversed(range(len(xw))):
        dy = ((p[t] - tw[t]) / B)[:, None]
        dWhy += h[t].T @ dy
        dby += dy.sum(0)
        dh = dy @ Why.T + dh_next
        da = dh * (1 - h[t] ** 2)
        dbh += da.sum(0)
        dWxh += xw[t][None, :] @ da
        dWhh += h[t - 1].T @ da
        dh_next = da @ Whh.T
    return loss / len(xw), [dWxh, dWhh, dWhy, dbh, dby], h[len(xw) - 1]


def clip_by_global_norm(grads, limit):
    total = np.sqrt(sum(np.sum(g * g) for g in grads))
    scale = min(1.0, limit / (total + 1e-12))
    return [g * scale for g in grads], total


for epoch in range(6):
    state = np.zeros((B, H))
    losses, clipped = [], 0
    for s in range(0, LEN, T):
        loss, grads, state = window(bits[s:s + T], echo[s:s + T], state)
        grads, norm = clip_by_global_norm(grads, 1.0)
        clipped += norm > 1.0
        for q, g in zip(params, grads):
            q -= 0.3 * g
        losses.append(loss)
    print("epoch", epoch, "loss %.4f" % np.mean(losses[-30:]), "clipped", clipped)
