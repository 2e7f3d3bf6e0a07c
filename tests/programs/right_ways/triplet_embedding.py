import numpy as np

rng = np.random.default_rng(27)
DIM, HID, OUT, MARGIN = 6, 16, 3, 0.5
P = {"U": rng.normal(0, .4, (DIM, HID)), "u": np.zeros(HID), "V": rng.normal(0, .4, (HID, OUT))}

classes = 4
means = rng.normal(0, 2, (classes, DIM))
labels = rng.integers(0, classes, 160)
points = means[labels] + rng.normal(0, 1.2, (160, DIM))


def embed(p, x):
    h = np.tanh(x @ p["U"] + p["u"])
    v = h @ p["V"]
    norm = np.linalg.norm(v, axis=1, keepdims=True)
    return v / norm, (x, h, v, norm)


def embed_backward(p, g, cache):
    x, h, v, norm = cache
    z = v / norm
    # Jacobian of v/|v|:  (I - z z') / |v|
    dv = (g - z * (g * z).sum(1, keepdims=True)) / norm
    dh = dv @ p["V"].T * (1 - h ** 2)
    return {"V": h.T @ dv, "U": x.T @ dh, "u": dh.sum(0)}


def triplet(p, xa, xp, xn):
    # the three branches share one set of weights: their gradients add up
    (a, ca), (q, cq), (m, cm) = embed(p, xa), embed(p, xp), embed(p, xn)
    slack = ((a - q) ** 2).sum(1) - ((a - m) ** 2).sum(1) + MARGIN
    on = (slack > 0)[:, None] / len(xa)
    grads = {k: np.zeros_like(w) for k, w in p.items()}
    for g, cache in ((2 * (m - q) * on, ca), (-2 * (a - q) * on, cq), (2 * (a - m) * on, cm)):
        part = embed_backward(p, g, cache)
        for k in grads:
            grads[k] += part[k]
    return np.maximum(slack, 0).mean(), grads, on.any(1).mean()


def sample(n):
    a = rng.integers(0, 160, n)
    pos = np.array([rng.choice(np.flatnonzero(labels == labels[i])) for i in a])
    neg = np.array([rng.choice(np.flatnonzero(labels != labels[i])) for i in a])
    return points[a], points[pos], points[neg]


for step in range(250):
    loss, grads, active = triplet(P, *sample(48))
    for k in P:
        P[k] -= 0.3 * grads[k]
    if step % 50 == 0:
        print("step %d  loss %.4f  active %.2f" % (step, loss, active))
z = embed(P, points)[0]
d = ((z[:, None] - z[None]) ** 2).sum(2) + 9 * np.eye(160)
print("1-NN accuracy", (labels[d.argmin(1)] == labels).mean())
