"""Dense connectivity: layer k sees the input and the outputs of ALL layers before it (concatenated)."""
import numpy as np

r = np.random.RandomState(49)
GROW, DEPTH, IN, OUT = 6, 4, 3, 1

Ws = [r.randn(IN + k * GROW, GROW) * np.sqrt(1.0 / (IN + k * GROW)) for k in range(DEPTH)]
bs = [np.zeros(GROW) for _ in range(DEPTH)]
Wout = r.randn(IN + DEPTH * GROW, OUT) * 0.2
bout = np.zeros(OUT)


def forward(x):
    feats = x
    for W, b in zip(Ws, bs):
        feats = np.concatenate([feats, np.tanh(feats @ W + b)], axis=1)
    return feats, feats @ Wout + bout


def backward(feats, dout):
    gWout, gbout = feats.T @ dout, dout.sum(0)
    dfeats = dout @ Wout.T
    gW, gb = [None] * DEPTH, [None] * DEPTH
    for k in range(DEPTH - 1, -1, -1):
        cut = IN + k * GROW
        seen, new = feats[:, :cut], feats[:, cut:cut + GROW]
        d = dfeats[:, cut:] * (1 - new ** 2)
        gW[k] = seen.T @ d
        gb[k] = d.sum(0)
        dfeats = dfeats[:, :cut] + d @ Ws[k].T         # direct use further up + use in this layer
    return gW, gb, gWout, gbout


X = r.uniform(-1, 1, (200, IN))
Y = (np.sin(4 * X[:, 0]) * X[:, 1] + np.abs(X[:, 2]))[:, None]
lr = 0.1
for epoch in range(121):
    perm = r.permutation(200)
    for k in range(0, 200, 25):
        xb, yb = X[perm[k:k + 25]], Y[perm[k:k + 25]]
        feats, out = forward(xb)
        gW, gb, gWout, gbout = backward(feats, (out - yb) / len(xb))
        for W, g in zip(Ws, gW):
            W -= lr * g
        for b, g in zip(bs, gb):
            b -= lr * g
        Wout -= lr * gWout
        bout -= lr * gbout
    if epoch % 30 == 0:
        print("epoch %3d  half mse %.5f" % (epoch, 0.5 * np.mean((forward(X)[1] - Y) ** 2)))
