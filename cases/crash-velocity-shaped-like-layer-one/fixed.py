import numpy as np


class MomentumNet:
    def __init__(self, sizes, lr=0.1, momentum=0.9):
        self.lr, self.momentum = lr, momentum
        rng = np.random.default_rng(4)
        self.weights = [rng.normal(0, np.sqrt(2 / a), (a, b)) for a, b in zip(sizes[:-1], sizes[1:])]
        # velocities start at rest
        self.velocity = [np.zeros_like(W) for W in self.weights]

    def forward(self, X):
        self.outs = [X]
        for i, W in enumerate(self.weights):
            Z = self.outs[-1] @ W
            self.outs.append(np.maximum(Z, 0) if i < len(self.weights) - 1 else Z)
        return self.outs[-1]

    def backward(self, Y):
        self.grads = [None] * len(self.weights)
        delta = 2 * (self.outs[-1] - Y) / Y.size
        for i in range(len(self.weights) - 1, -1, -1):
            self.grads[i] = self.outs[i].T @ delta
            delta = (delta @ self.weights[i].T) * (self.outs[i] > 0)

    def step(self):
        for i in range(len(self.weights)):
            self.velocity[i] = self.momentum * self.velocity[i] - self.lr * self.grads[i]
            self.weights[i] += self.velocity[i]


gen = np.random.default_rng(44)
X = gen.uniform(-1, 1, (64, 3))
X[:, 2] = 1.0   # constant input instead of biases
Y = np.stack([X[:, 0] * X[:, 1], np.abs(X[:, 0]), np.abs(X[:, 1])], axis=1)

net = MomentumNet([3, 7, 4, 3])
mse = []
for epoch in range(250):
    out = net.forward(X)
    mse.append(np.mean((out - Y) ** 2))
    net.backward(Y)
    net.step()
print("first mse: %.4f, last mse: %.4f" % (mse[0], mse[-1]))
