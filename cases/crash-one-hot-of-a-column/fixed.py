import numpy as np


class Wijnproever:
    """classify wines by 5 chemical values"""

    def __init__(self, n_in, n_hid, n_out):
        r = np.random.default_rng(70)
        self.W1 = r.normal(0, 0.5, (n_in, n_hid))
        self.b1 = np.zeros((1, n_hid))
        self.W2 = r.normal(0, 0.5, (n_hid, n_out))
        self.b2 = np.zeros((1, n_out))
        self.v = [np.zeros_like(p) for p in (self.W1, self.b1, self.W2, self.b2)]

    def forward(self, X):
        self.X = X
        self.A = np.tanh(X @ self.W1 + self.b1)
        z = self.A @ self.W2 + self.b2
        e = np.exp(z - z.max(axis=1, keepdims=True))
        self.out = e / e.sum(axis=1, keepdims=True)
        return self.out

    def backward(self, T):
        n = self.X.shape[0]
        dz = (self.out - T) / n
        self.dW2 = np.dot(self.A.T, dz)
        self.db2 = dz.sum(axis=0, keepdims=True)
        dA = np.dot(dz, self.W2.T) * (1 - self.A ** 2)
        self.dW1 = np.dot(self.X.T, dA)
        self.db1 = dA.sum(axis=0, keepdims=True)

    def step(self, lr, mu=0.9):
        grads = (self.dW1, self.db1, self.dW2, self.db2)
        # last layer first
        for k, name in reversed(list(enumerate(("W1", "b1", "W2", "b2")))):
            self.v[k] = mu * self.v[k] - lr * grads[k]
            p = getattr(self, name)
            p += self.v[k]


rng = np.random.default_rng(71)
labels = np.repeat([0, 1, 2], 15).reshape(-1, 1)
values = rng.normal(size=(45, 5)) + 1.5 * np.array([[1, 0, 0, 1, 0], [0, 1, 0, 1, 1], [0, 0, 1, 0, 1]])[labels[:, 0]]
T = np.eye(3)[labels[:, 0]]

net = Wijnproever(5, 7, 3)
loss = []
for epoch in range(60):
    out = net.forward(values)
    loss.append(-np.log(out[np.arange(45), labels[:, 0]]).mean())
    net.backward(T)
    net.step(0.1)
print("loss: %.3f -> %.3f" % (loss[0], loss[-1]))
