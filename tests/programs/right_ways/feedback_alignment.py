"""
Feedback alignment (Lillicrap et al. 2016): the error travels back through FIXED RANDOM matrices B
instead of the transposed forward weights.  So the hidden updates are deliberately not the gradient.
The angle between both is printed; it drops below 90 degrees while the network learns.
"""
import numpy as np

rng = np.random.default_rng(34)
X = rng.normal(size=(500, 10))
T = np.tanh(X @ rng.normal(size=(10, 4)) * 0.5) @ rng.normal(size=(4, 3))

W0 = rng.normal(size=(10, 30)) * 0.1
W1 = rng.normal(size=(30, 3)) * 0.1
c0 = np.zeros(30)
c1 = np.zeros(3)
B = rng.uniform(-0.5, 0.5, (3, 30))            # random feedback, never trained


def angle(a, b):
    cos = (a * b).sum() / (np.linalg.norm(a) * np.linalg.norm(b))
    return np.degrees(np.arccos(cos))


for epoch in range(41):
    for i in range(0, 500, 20):
        x, t = X[i:i + 20], T[i:i + 20]
        h = np.tanh(x @ W0 + c0)
        y = h @ W1 + c1
        e = (y - t) / len(x)
        dh = (e @ B) * (1 - h ** 2)            # B on purpose, not W1.T
        W1 -= 0.05 * h.T @ e
        c1 -= 0.05 * e.sum(0)
        W0 -= 0.05 * x.T @ dh
        c0 -= 0.05 * dh.sum(0)
    if epoch % 10 == 0:
        y = np.tanh(X @ W0 + c0) @ W1 + c1
        print("epoch %2d  mse %.4f  angle %.1f deg" % (epoch, ((y - T) ** 2).mean(), angle(e @ B, e @ W1.T)))
