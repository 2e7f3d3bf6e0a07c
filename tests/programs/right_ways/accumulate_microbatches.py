import numpy as np

np.random.seed(17)

# four micro-batches per update; each contributes sum-gradients, division once by the total count
LOGICAL, MICRO = 64, 16


class Model:
    def __init__(self):
        self.W1 = np.random.randn(8, 14) * 0.3
        self.b1 = np.zeros(14)
        self.W2 = np.random.randn(14, 3) * 0.3
        self.b2 = np.zeros(3)
        self.clear()

    def clear(self):
        self.gW1, self.gb1 = np.zeros_like(self.W1), np.zeros_like(self.b1)
        self.gW2, self.gb2 = np.zeros_like(self.W2), np.zeros_like(self.b2)
        self.seen = 0

    def predict(self, X):
        self.X = X
        self.H = 1.0 / (1.0 + np.exp(-(X @ self.W1 + self.b1)))
        Z = self.H @ self.W2 + self.b2
        E = np.exp(Z - Z.max(axis=1, keepdims=True))
        self.P = E / E.sum(axis=1, keepdims=True)
        return self.P

    def accumulate(self, T):
        D = self.P - T
        self.gW2 += self.H.T @ D
        self.gb2 += D.sum(axis=0)
        D1 = (D @ self.W2.T) * self.H * (1 - self.H)
        self.gW1 += self.X.T @ D1
        self.gb1 += D1.sum(axis=0)
        self.seen += len(T)

    def update(self, lr):
        for w, g in ((self.W1, self.gW1), (self.b1, self.gb1), (self.W2, self.gW2), (self.b2, self.gb2)):
            w -= lr * g / self.seen
        self.clear()


X = np.random.randn(256, 8)
label = np.argmax(np.abs(X[:, :3]) + 0.3 * X[:, 3:6], axis=1)
T = np.eye(3)[label]
net = Model()
for epoch in range(250):
    perm = np.random.permutation(256)
    for i in range(0, 256, MICRO):
        rows = perm[i:i + MICRO]
        net.predict(X[rows])
        net.accumulate(T[rows])
        if net.seen == LOGICAL:
            net.update(1.5)
    if epoch % 50 == 0:
        P = net.predict(X)
        print("epoch", epoch, "loss", -np.mean(np.log(P[np.arange(256), label])))
P = net.predict(X)
print("loss", -np.mean(np.log(P[np.arange(256), label])), "acc", (P.argmax(1) == label).mean())
