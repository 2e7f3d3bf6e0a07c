import numpy as np

rng = np.random.default_rng(2)


def g(z):
    return 1 / (1 + np.exp(-z))


def loss_and_grads(x, t, W1, b1, W2, b2):
    h = g(x.dot(W1) + b1)
    out = h.dot(W2) + b2           # linear output
    n = len(x)
    loss = np.sum((out - t) ** 2) / (2 * n)

    gW2 = h.T.dot(out - t) / n
    gb2 = (out - t).sum(axis=0) / n
    back = (out - t).dot(W2.T) * h * (1 - h)
    gW1 = x.T.dot(back) / n
    gb1 = back.sum(axis=0) / n
    return loss, gW1, gb1, gW2, gb2


# robot arm: two angles and a length in, hand position out
angles = rng.uniform(0, 1.5, (40, 2))
length = rng.uniform(0.5, 1.0, (40, 1))
x = np.hstack([angles, length])
t = np.hstack([
    length * np.cos(angles[:, :1]) + np.cos(angles.sum(axis=1, keepdims=True)),
    length * np.sin(angles[:, :1]) + np.sin(angles.sum(axis=1, keepdims=True)),
])

W1, b1 = rng.normal(size=(3, 5)), np.zeros(5)
W2, b2 = rng.normal(size=(5, 2)) / 5, np.zeros(2)

curve = []
for step in range(1500):
    loss, gW1, gb1, gW2, gb2 = loss_and_grads(x, t, W1, b1, W2, b2)
    W1 -= 0.3 * gW1
    b1 -= 0.3 * gb1
    W2 -= 0.3 * gW2
    b2 -= 0.3 * gb2
    curve.append(loss)
    if step % 500 == 0:
        print("step", step, "loss", round(loss, 5))
print("final loss", round(curve[-1], 5))
