"""SGDR: cosine annealing with warm restarts and a linear warm-up, Nesterov momentum in the 'PyTorch' form."""
import math
import numpy as np

rng = np.random.default_rng(99)


def lr_at(step, base=0.3, warm=20, cycle=100, mult=2):
    if step < warm:
        return base * (step + 1) / warm
    step -= warm
    while step >= cycle:
        step -= cycle
        cycle *= mult
    return 0.5 * base * (1 + math.cos(math.pi * step / cycle))


sizes = (2, 10, 10, 1)
Ws = [rng.standard_normal((o, i)) * math.sqrt(2 / (i + o)) for i, o in zip(sizes, sizes[1:])]
bs = [np.zeros((o, 1)) for o in sizes[1:]]
vW, vb = [np.zeros_like(w) for w in Ws], [np.zeros_like(b) for b in bs]


def backprop(x, y):
    a, acts = x, [x]
    for W, b in zip(Ws[:-1], bs[:-1]):
        a = np.tanh(W @ a + b)
        acts.append(a)
    logit = Ws[-1] @ a + bs[-1]
    loss = np.mean(np.maximum(logit, 0) - logit * y + np.log1p(np.exp(-np.abs(logit))))
    delta = (1 / (1 + np.exp(-logit)) - y) / x.shape[1]
    nW, nb = [None] * len(Ws), [None] * len(bs)
    for l in range(1, len(Ws) + 1):
        nW[-l] = delta @ acts[-l].T
        nb[-l] = delta.sum(1, keepdims=True)
        if l < len(Ws):
            delta = (Ws[-l].T @ delta) * (1 - acts[-l] ** 2)
    return loss, nW, nb


pts = rng.uniform(-1, 1, (2, 400))
lab = ((np.floor(pts[0] * 2) + np.floor(pts[1] * 2)) % 2)[None, :]
for step in range(720):
    lr = lr_at(step)
    j = rng.choice(400, 100, replace=False)
    loss, nW, nb = backprop(pts[:, j], lab[:, j])
    for i in range(len(Ws)):
        vW[i] = 0.9 * vW[i] + nW[i]
        vb[i] = 0.9 * vb[i] + nb[i]
        Ws[i] = Ws[i] - lr * (nW[i] + 0.9 * vW[i])
        bs[i] = bs[i] - lr * (nb[i] + 0.9 * vb[i])
    if step in (0, 119, 319, 719):
        print("step %3d  lr %.5f  full loss %.4f" % (step, lr, backprop(pts, lab)[0]))
