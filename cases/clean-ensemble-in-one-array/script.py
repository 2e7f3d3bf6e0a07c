import numpy as np

rng = np.random.default_rng(8)
MEMBERS, N, HID = 5, 60, 9

x = np.sort(rng.uniform(-3, 3, (N, 1)), axis=0)
y = np.sinc(x) + 0.05 * rng.normal(size=(N, 1))

# one slice per member of the ensemble
W = rng.normal(size=(MEMBERS, 1, HID)) * 1.5
b = rng.normal(size=(MEMBERS, 1, HID))
V = rng.normal(size=(MEMBERS, HID, 1)) / HID ** 0.5
c = np.zeros((MEMBERS, 1, 1))

lr = 0.15
log = []
for step in range(1000):
    h = np.tanh(x @ W + b)                  # (members, n, hidden)
    out = h @ V + c                         # (members, n, 1)
    e = (out - y) / N
    log.append(np.mean((out - y) ** 2, axis=(1, 2)))

    dV = h.swapaxes(1, 2) @ e
    dc = e.sum(axis=1, keepdims=True)
    dz = (e @ V.swapaxes(1, 2)) * (1 - h * h)
    dW = x.T @ dz
    db = dz.sum(axis=1, keepdims=True)

    W -= lr * dW
    b -= lr * db
    V -= lr * dV
    c -= lr * dc

together = out.mean(axis=0)
spread = out.std(axis=0).ravel()
print("single members:", np.round(log[-1], 4))
print("ensemble mse:   %.4f" % np.mean((together - y) ** 2))
print("least certain at x = %.2f" % x[spread.argmax(), 0])
