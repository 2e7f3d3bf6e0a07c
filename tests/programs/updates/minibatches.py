import numpy as np

np.random.seed(5)
data = np.random.randn(64, 4)
score = (data[:, :1] - 0.5 * data[:, 1:2] * data[:, 2:3]) * 0.5
score = score + 0.05 * np.random.randn(64, 1)


class Regressor:
    def __init__(self):
        self.w_in = np.random.randn(4, 8) * 0.4
        self.b_in = np.zeros((1, 8))
        self.w_out = np.random.randn(8, 1) * 0.4
        self.b_out = np.zeros((1, 1))
        self.steps = 0
        self.first = {}
        self.second = {}

    def predict(self, x):
        self.x = x
        self.mid = np.maximum(0, x @ self.w_in + self.b_in)
        return self.mid @ self.w_out + self.b_out

    def fit(self, x, y):
        guess = self.predict(x)
        diff = 2 * (guess - y) / len(x)
        grads = {"w_out": self.mid.T @ diff, "b_out": diff.sum(axis=0, keepdims=True)}
        inner = diff @ self.w_out.T * (self.mid > 0)
        grads["w_in"] = x.T @ inner
        grads["b_in"] = inner.sum(axis=0, keepdims=True)
        self.adam(grads)
        return np.mean((guess - y) ** 2)

    def adam(self, grads, rate=0.02, b1=0.9, b2=0.99):
        self.steps += 1
        for name, g in grads.items():
            m = self.first[name] = b1 * self.first.get(name, 0) + (1 - b1) * g
            v = self.second[name] = b2 * self.second.get(name, 0) + (1 - b2) * g * g
            mh = m / (1 - b1**self.steps)
            vh = v / (1 - b2**self.steps)
            setattr(self, name, getattr(self, name) - rate * mh / (np.sqrt(vh) + 1e-8))


model = Regressor()
for epoch in range(20):
    order = np.random.permutation(len(data))
    data, score = data[order], score[order]
    losses = []
    for k in range(0, len(data), 16):
        losses.append(model.fit(data[k : k + 16], score[k : k + 16]))
    if epoch % 5 == 0:
        print(epoch, np.mean(losses))
