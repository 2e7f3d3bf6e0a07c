import numpy as np

# Bidirectional RNN tagger: label t is 1 when x[t-1] + x[t] + x[t+1] > 0. One sequence per update, summed loss.
rng = np.random.default_rng(43)
T, nh = 12, 8


def new_rnn():
    return [rng.normal(0, .5, (nh, 1)), rng.normal(0, .3, (nh, nh)), np.zeros(nh)]


fw, bw = new_rnn(), new_rnn()
Wy, by = rng.normal(0, .4, 2 * nh), np.zeros(1)


def rnn_forward(p, x):
    W, U, b = p
    hs = [np.zeros(nh)]
    for xt in x:
        hs.append(np.tanh(W[:, 0] * xt + U @ hs[-1] + b))
    return np.array(hs)                    # row 0 is the initial state


def rnn_backward(p, x, hs, dout):
    W, U, b = p
    dW, dU, db = np.zeros_like(W), np.zeros_like(U), np.zeros_like(b)
    carry = np.zeros(nh)
    for t in range(len(x), 0, -1):
        da = (dout[t - 1] + carry) * (1 - hs[t] ** 2)
        dW[:, 0] += da * x[t - 1]
        dU += np.outer(da, hs[t - 1])
        db += da
        carry = U.T @ da
    return [dW, dU, db]


def step(x, y, lr):
    hf = rnn_forward(fw, x)
    hb = rnn_forward(bw, x[::-1])
    feat = np.hstack([hf[1:], hb[1:][::-1]])         # turn the backward states round again
    logit = feat @ Wy + by
    loss = np.sum(np.logaddexp(0, logit) - y * logit)
    d = 1 / (1 + np.exp(-logit)) - y
    dfeat = d[:, None] * Wy
    gf = rnn_backward(fw, x, hf, dfeat[:, :nh])
    gb = rnn_backward(bw, x[::-1], hb, dfeat[::-1, nh:])
    gWy, gby = feat.T @ d, d.sum(keepdims=True)
    for p, g in zip(fw + bw + [Wy, by], gf + gb + [gWy, gby]):
        p -= lr * np.clip(g, -2, 2)
    return loss / T, np.mean((logit > 0) == y)


tot = acc = 0.0
for it in range(1, 1601):
    x = rng.normal(size=T)
    pad = np.concatenate([[0], x, [0]])
    y = (pad[:-2] + pad[1:-1] + pad[2:] > 0).astype(float)
    l, a = step(x, y, 0.05 if it < 1200 else 0.02)
    tot += l
    acc += a
    if it % 400 == 0:
        print("seq %d  loss %.4f  acc %.3f" % (it, tot / 400, acc / 400))
        tot = acc = 0.0
