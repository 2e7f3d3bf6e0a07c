import numpy as np

# Sharpness-aware minimisation.  Two backward passes per step: one to climb to w + eps,
# one there; the step is taken from the ORIGINAL w with the gradient of the climbed point.

class MLP:
    def __init__(self, seed):
        r = np.random.default_rng(seed)
        self.w = {"a": r.normal(0, .7, (2, 16)), "ab": np.zeros(16),
                  "o": r.normal(0, .3, (16, 2)), "ob": np.zeros(2)}

    def loss(self, x, k):
        return self.loss_and_grads(x, k)[0]

    def loss_and_grads(self, x, k):
        w = self.w
        h = np.maximum(x @ w["a"] + w["ab"], 0)
        z = h @ w["o"] + w["ob"]
        z = z - z.max(1, keepdims=True)
        p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
        rows = np.arange(len(k))
        loss = -np.log(p[rows, k]).mean()
        d = p.copy()
        d[rows, k] -= 1
        d /= len(k)
        dh = d @ w["o"].T
        dh[h <= 0] = 0
        return loss, {"a": x.T @ dh, "ab": dh.sum(0), "o": h.T @ d, "ob": d.sum(0)}


rng = np.random.default_rng(10)
m = 200
k = rng.integers(0, 2, m)
ang = rng.uniform(0, np.pi, m) + np.pi * k
x = np.c_[np.cos(ang) + k - .5, np.sin(ang) + .5 * k - .25] + rng.normal(0, .15, (m, 2))

model, rho, lr = MLP(1), 0.05, 0.3
for step in range(400):
    b = rng.permutation(m)[:64]
    _, g1 = model.loss_and_grads(x[b], k[b])
    norm = np.sqrt(sum((g ** 2).sum() for g in g1.values())) + 1e-12
    home = {n: v.copy() for n, v in model.w.items()}
    for n in model.w:
        model.w[n] = home[n] + rho * g1[n] / norm         # uphill on purpose
    _, g2 = model.loss_and_grads(x[b], k[b])
    for n in model.w:
        model.w[n] = home[n] - lr * g2[n]
    if step % 80 == 0:
        print(step, "loss", model.loss(x, k))
print("final", model.loss(x, k))
