import numpy as np

# Maxout units: each hidden unit is the largest of k linear pieces, stored as one (in, units, k) tensor.
np.random.seed(50)
units, k = 7, 4
W = np.random.randn(2, units, k) * 0.7
b = np.random.randn(units, k) * 0.1
V = np.random.randn(units, 3) * 0.4
d = np.zeros(3)

label = np.random.randint(0, 3, 240)
radius = 0.6 + label + np.random.randn(240) * 0.12
phi = np.random.rand(240) * 2 * np.pi
X = np.stack([radius * np.cos(phi), radius * np.sin(phi)], axis=1)


def loss_of(X, label):
    z = np.tensordot(X, W, axes=1) + b
    s = z.max(axis=2) @ V + d
    s = s - s.max(axis=1, keepdims=True)
    return np.mean(np.log(np.exp(s).sum(1)) - s[np.arange(len(s)), label])


for epoch in range(1, 101):
    for rows in np.split(np.random.permutation(240), 8):
        x, t = X[rows], label[rows]
        z = np.tensordot(x, W, axes=1) + b              # (n, units, k)
        winner = z.argmax(axis=2)
        h = np.take_along_axis(z, winner[:, :, None], axis=2)[:, :, 0]
        s = h @ V + d
        p = np.exp(s - s.max(axis=1, keepdims=True))
        p = p / p.sum(axis=1, keepdims=True)
        ds = (p - np.eye(3)[t]) / len(t)
        gV, gd = h.T @ ds, ds.sum(axis=0)
        dh = ds @ V.T
        dz = np.zeros_like(z)
        np.put_along_axis(dz, winner[:, :, None], dh[:, :, None], axis=2)      # only the winner gets anything
        gW = np.tensordot(x, dz, axes=([0], [0]))
        gb = dz.sum(axis=0)
        for q, g in ((W, gW), (b, gb), (V, gV), (d, gd)):
            np.subtract(q, 0.15 * g, out=q)
    if epoch % 20 == 0:
        print("epoch", epoch, "loss", round(loss_of(X, label), 4))
