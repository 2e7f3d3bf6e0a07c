import numpy as np

rng = np.random.RandomState(31)
A = rng.randn(150, 6)
B = np.stack([A[:, 0] * A[:, 1], np.abs(A[:, 2]), np.cos(A[:, 3])], axis=1)

w1 = rng.randn(6, 18) * np.sqrt(1 / 6)
w2 = rng.randn(18, 3) * np.sqrt(1 / 18)
b1, b2 = np.zeros((1, 18)), np.zeros((1, 3))
fast = [w1, b1, w2, b2]
slow = [p.copy() for p in fast]
first = [np.zeros_like(p) for p in fast]
second = [np.zeros_like(p) for p in fast]


def swish(z):
    s = 1 / (1 + np.exp(-z))
    return z * s, s * (1 + z * (1 - s))


def step_grads(p, a, b):
    z1 = a.dot(p[0]) + p[1]
    h, slope = swish(z1)
    out = h.dot(p[2]) + p[3]
    r = (out - b) / a.shape[0]
    loss = 0.5 * np.sum((out - b) ** 2) / a.shape[0]
    back = r.dot(p[2].T) * slope
    return loss, [a.T.dot(back), back.sum(axis=0, keepdims=True), h.T.dot(r), r.sum(axis=0, keepdims=True)]


K, alpha, lr = 5, 0.5, 0.02
t = 0
for outer in range(80):
    # k inner Adam steps with the fast weights ...
    for inner in range(K):
        t += 1
        loss, gr = step_grads(fast, A, B)
        for j, g in enumerate(gr):
            first[j] = .9 * first[j] + .1 * g
            second[j] = .999 * second[j] + .001 * np.square(g)
            fast[j] = fast[j] - lr * np.sqrt(1 - .999 ** t) / (1 - .9 ** t) * first[j] / (np.sqrt(second[j]) + 1e-8)
    # ... then the slow weights go half of the way, and the fast ones restart there
    for j in range(4):
        slow[j] = slow[j] + alpha * (fast[j] - slow[j])
        fast[j] = slow[j].copy()
    if outer % 16 == 0:
        print("outer %2d: fast loss %.4f, slow loss %.4f" % (outer, loss, step_grads(slow, A, B)[0]))
print("end %.4f" % step_grads(slow, A, B)[0])
