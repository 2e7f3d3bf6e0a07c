import numpy as np

np.random.seed(66)


def forward(x, W1, b1, W2, b2):
    h = np.maximum(x @ W1 + b1, 0)
    return h, h @ W2 + b2


def epoch(x, y, net, lr):
    W1, b1, W2, b2 = net
    h, out = forward(x, *net)
    d = (out - y) / len(x)
    dh = d @ W2.T
    dh[h == 0] = 0
    new = [W1 - lr * x.T @ dh, b1 - lr * dh.sum(0), W2 - lr * h.T @ d, b2 - lr * d.sum(0)]
    return 0.5 * np.mean(np.sum((out - y) ** 2, axis=1)), new


def prune(net, how_many):
    """keep the hidden units with the largest outgoing weights"""
    W1, b1, W2, b2 = net
    strength = np.abs(W2).sum(axis=1)
    limit = np.sort(strength)[-how_many]
    keep = np.where(strength >= limit)[0]
    return [W1[:, keep], b1[keep], W2[keep], b2]


x = np.random.randn(100, 4)
y = np.stack((np.abs(x[:, 0]), x[:, 1] + x[:, 2]), axis=1)

net = [np.random.randn(4, 12) * 0.5, np.zeros(12), np.random.randn(12, 2) * 0.3, np.zeros(2)]
full = []
for i in range(300):
    loss, net = epoch(x, y, net, 0.1)
    full.append(loss)
print("full network:   %.4f" % full[-1])

small = prune(net, 5)
tuned = []
for i in range(300):
    loss, small = epoch(x, y, small, 0.05)
    tuned.append(loss)
print("5 hidden units: %.4f, after fine tuning %.4f" % (tuned[0], tuned[-1]))
