import numpy as np


class VAE:
    """Bernoulli decoder, Gaussian encoder with log-variance head. ELBO per sample, averaged over the batch."""

    def __init__(self, d, h, k, rng):
        s = lambda *shape: rng.normal(0, 1 / np.sqrt(shape[0]), shape)
        self.p = dict(We=s(d, h), be=np.zeros(h), Wm=s(h, k), bm=np.zeros(k), Wv=s(h, k) * .1, bv=np.zeros(k),
                      Wd=s(k, h), bd=np.zeros(h), Wo=s(h, d), bo=np.zeros(d))
        self.m = {n: np.zeros_like(w) for n, w in self.p.items()}
        self.v = {n: np.zeros_like(w) for n, w in self.p.items()}
        self.t = 0

    def elbo_and_grads(self, x, eps, beta=1.0):
        p, n = self.p, len(x)
        he = np.tanh(x @ p["We"] + p["be"])
        mu = he @ p["Wm"] + p["bm"]
        logvar = he @ p["Wv"] + p["bv"]
        std = np.exp(0.5 * logvar)
        z = mu + std * eps
        hd = np.tanh(z @ p["Wd"] + p["bd"])
        logits = hd @ p["Wo"] + p["bo"]
        rec = (np.logaddexp(0, logits) - x * logits).sum() / n
        kl = -0.5 * (1 + logvar - mu ** 2 - np.exp(logvar)).sum() / n

        g = {}
        dlogits = (1 / (1 + np.exp(-logits)) - x) / n
        g["Wo"], g["bo"] = hd.T @ dlogits, dlogits.sum(0)
        dhd = dlogits @ p["Wo"].T * (1 - hd ** 2)
        g["Wd"], g["bd"] = z.T @ dhd, dhd.sum(0)
        dz = dhd @ p["Wd"].T
        dmu = dz + beta * mu / n
        dlogvar = dz * eps * 0.5 * std + beta * 0.5 * (np.exp(logvar) - 1) / n
        g["Wm"], g["bm"] = he.T @ dmu, dmu.sum(0)
        g["Wv"], g["bv"] = he.T @ dlogvar, dlogvar.sum(0)
        dhe = (dmu @ p["Wm"].T + dlogvar @ p["Wv"].T) * (1 - he ** 2)
        g["We"], g["be"] = x.T @ dhe, dhe.sum(0)
        return rec, kl, g

    def adam(self, g, lr=5e-3):
        self.t += 1
        for n in self.p:
            self.m[n] += 0.1 * (g[n] - self.m[n])
            self.v[n] += 0.001 * (g[n] ** 2 - self.v[n])
            self.p[n] -= lr * self.m[n] / (1 - .9 ** self.t) / (np.sqrt(self.v[n] / (1 - .999 ** self.t)) + 1e-8)


rng = np.random.default_rng(12)
rows, cols = np.arange(4), np.arange(4)
imgs = []
for _ in range(200):                       # 4x4 pictures with one horizontal and one vertical bar
    im = np.zeros((4, 4))
    im[rng.integers(4)] = 1
    im[:, rng.integers(4)] = 1
    imgs.append(im.ravel())
data = np.array(imgs)
vae = VAE(16, 24, 3, rng)
for epoch in range(100):
    beta = min(1.0, epoch / 30)            # KL warm-up
    for idx in np.split(rng.permutation(200), 5):
        rec, kl, grads = vae.elbo_and_grads(data[idx], rng.normal(size=(40, 3)), beta)
        vae.adam(grads)
    if epoch % 25 == 24:
        rec, kl, _ = vae.elbo_and_grads(data, rng.normal(size=(200, 3)))
        print("epoch %3d  rec %.3f  kl %.3f  -elbo %.3f" % (epoch + 1, rec, kl, rec + kl))
