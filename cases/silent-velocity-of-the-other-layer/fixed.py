import numpy as np

rng = np.random.default_rng(180)


def make(sizes):
    return {f"W{i}": rng.normal(size=s) / np.sqrt(s[0]) for i, s in enumerate(zip(sizes, sizes[1:]), start=1)}


def forward(w, x):
    h1 = np.tanh(x @ w["W1"])
    h2 = np.tanh(h1 @ w["W2"])
    return h1, h2, h2 @ w["W3"]


def backward(w, x, y):
    h1, h2, out = forward(w, x)
    d3 = (out - y) / len(x)
    d2 = d3 @ w["W3"].T * (1 - h2 ** 2)
    d1 = d2 @ w["W2"].T * (1 - h1 ** 2)
    return {"W1": x.T @ d1, "W2": h1.T @ d2, "W3": h2.T @ d3}


class Momentum:
    def __init__(self, w, rate, mu=0.8):
        self.rate, self.mu = rate, mu
        self.speed = {k: np.zeros_like(v) for k, v in w.items()}

    def step(self, w, grads):
        for k in w:
            self.speed[k] = self.mu * self.speed[k] - self.rate * grads[k]
        for k in w:
            w[k] += self.speed[k]


def error(w, x, y):
    return 0.5 * np.mean(np.sum((forward(w, x)[2] - y) ** 2, axis=1))


# next position of a swinging pendulum from position, speed, length
x = rng.uniform(-1, 1, (100, 5))
y = np.tanh(x[:, :5] @ rng.normal(size=(5, 5))) * np.sin(x)

w = make([5, 5, 5, 5])
optimizer = Momentum(w, 0.1)
errors = []
for epoch in range(250):
    errors.append(error(w, x, y))
    optimizer.step(w, backward(w, x, y))
    if epoch % 50 == 0:
        print(f"{epoch:3d}  {errors[-1]:.4f}")
