# Hebbian PCA: Oja's rule for one neuron, Sanger's generalised rule for three. No loss, no backward pass.
import numpy as np

rs = np.random.RandomState(36)
cov_root = np.diag([3.0, 1.8, 1.0, .4, .2]) @ np.linalg.qr(rs.randn(5, 5))[0]
X = rs.randn(2000, 5) @ cov_root
X -= X.mean(axis=0)

w = rs.randn(5)
w /= np.linalg.norm(w)
for t, x in enumerate(X):
    y = w @ x
    w += 0.01 / (1 + t / 200) * y * (x - y * w)

W = rs.randn(3, 5) * 0.1
for epoch in range(6):
    eta = 0.005 / (1 + epoch)
    for x in X[rs.permutation(len(X))]:
        y = W @ x
        # lower triangle: neuron i only sees what the neurons before it (and itself) left over
        W += eta * (np.outer(y, x) - np.tril(np.outer(y, y)) @ W)
    print("epoch", epoch, "row norms", np.linalg.norm(W, axis=1).round(3))

vals, vecs = np.linalg.eigh(np.cov(X.T))
top = vecs[:, ::-1][:, :3].T
print("Oja  |cos| with first axis %.4f" % abs(w @ top[0]))
print("GHA  |cos| with three axes", np.abs(np.sum(W * top, axis=1)).round(4))
