import numpy as np

rng = np.random.default_rng(17)

# one in eight is a fault: weigh the faults more
fault = (np.arange(80) % 8 == 0).astype(float).reshape(-1, 1)
x = rng.normal(size=(80, 5)) + fault * np.array([0.8, -0.4, 0, 0.5, 0])
weight = np.where(fault[:, 0] == 1, 7.0, 1.0)


def net(x, W, b, U, c):
    h = np.tanh(x @ W + b)
    return h, 1 / (1 + np.exp(-(h @ U + c)))


def weighted_loss(p):
    each = -(fault * np.log(p) + (1 - fault) * np.log(1 - p))
    return np.mean(weight * each)


W, b = rng.normal(size=(5, 6)) * 0.4, np.zeros(6)
U, c = rng.normal(size=(6, 1)) * 0.4, np.zeros(1)
losses = []
for i in range(300):
    h, p = net(x, W, b, U, c)
    losses.append(weighted_loss(p))

    d = weight.reshape(-1, 1) * (p - fault) / len(x)
    dh = d @ U.T * (1 - h ** 2)
    U -= 0.3 * h.T @ d
    c -= 0.3 * d.sum(axis=0)
    W -= 0.3 * x.T @ dh
    b -= 0.3 * dh.sum(axis=0)
    if i % 60 == 0:
        print("%3d weighted loss %.4f" % (i, losses[-1]))
found = np.mean(p[fault == 1] > 0.5)
print("weighted loss at the end %.4f, faults found: %.2f" % (losses[-1], found))
