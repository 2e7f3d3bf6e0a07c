import numpy as np

np.random.seed(131)


def squash(z):
    return 1 / (1 + np.exp(-z))


class GRUCell:
    def __init__(self, n_in, n_hid):
        shape = (n_in + n_hid, n_hid)
        self.p = {"Wz": np.random.randn(*shape) * 0.4, "Wr": np.random.randn(*shape) * 0.4, "Wh": np.random.randn(*shape) * 0.4}
        self.p.update({"bz": np.zeros(n_hid), "br": np.zeros(n_hid), "bh": np.zeros(n_hid)})
        self.n_in = n_in

    def forward(self, x, h):
        p = self.p
        xh = np.hstack((x, h))
        z = squash(xh @ p["Wz"] + p["bz"])
        r = squash(xh @ p["Wr"] + p["br"])
        xrh = np.hstack((x, r * h))
        cand = np.tanh(xrh @ p["Wh"] + p["bh"])
        new = (1 - z) * h + z * cand
        return new, (xh, xrh, z, r, cand, h, new)

    def backward(self, dnew, cache, grads):
        xh, xrh, z, r, cand, h, new = cache
        p = self.p
        dcand = dnew * z * (1 - cand ** 2)
        dz = dnew * (cand - h) * z * (1 - z)
        dxrh = dcand @ p["Wh"].T
        drh = dxrh[:, self.n_in:]
        dr = drh * h * r * (1 - r)
        grads["Wh"] += xrh.T @ dcand
        grads["bh"] += dcand.sum(axis=0)
        grads["Wz"] += xh.T @ dz
        grads["bz"] += dz.sum(axis=0)
        grads["Wr"] += xh.T @ dr
        grads["br"] += dr.sum(axis=0)
        through_gates = (dz @ p["Wz"].T + dr @ p["Wr"].T)[:, self.n_in:]
        return dnew * (1 - z) + drh * r + through_gates


def run(cell, xs, target, readout):
    h, caches = np.zeros((len(target), 6)), []
    for x in xs:
        h, cache = cell.forward(x, h)
        caches.append(cache)
    out = h @ readout
    loss = 0.5 * np.mean((out - target) ** 2)
    grads = {k: np.zeros_like(v) for k, v in cell.p.items()}
    d = (out - target) / len(target)
    dread = h.T @ d
    dh = d @ readout.T
    for cache in reversed(caches):
        dh = cell.backward(dh, cache, grads)
    return loss, grads, dread


# was the last peak higher than the first
cell, readout = GRUCell(1, 6), np.random.randn(6, 1) * 0.5
losses = []
for step in range(150):
    xs = np.random.randn(5, 40, 1)
    target = xs[-1] - xs[0]
    loss, grads, dread = run(cell, xs, target, readout)
    losses.append(loss)
    for k in cell.p:
        cell.p[k] -= 0.2 * grads[k]
    readout -= 0.2 * dread
    if step % 30 == 29:
        print("step %3d  loss %.4f" % (step + 1, np.mean(losses[-30:])))
