import numpy as np

rng = np.random.default_rng(301)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def sigmoid_derivative(a):
    """of the activation, not of z"""
    return a * (1 - a)


class Gate:
    @staticmethod
    def tanh_derivative(z):
        """of z, not of the activation"""
        return 1 / np.cosh(z) ** 2


def forward(x, net):
    z1 = x @ net["W1"] + net["c1"]
    a1 = np.tanh(z1)
    z2 = a1 @ net["W2"] + net["c2"]
    a2 = sigmoid(z2)
    return z1, a1, z2, a2, a2 @ net["W3"] + net["c3"]


def steps(x, y, net):
    """what is to be ADDED to every parameter, per unit of learning rate"""
    z1, a1, z2, a2, out = forward(x, net)
    error = y - out
    delta2 = error.dot(net["W3"].T) * sigmoid_derivative(a2)
    delta1 = delta2.dot(net["W2"].T) * Gate.tanh_derivative(z1)
    n = len(x)
    return {
        "W3": a2.T @ error / n, "c3": error.mean(axis=0),
        "W2": a1.T @ delta2 / n, "c2": delta2.mean(axis=0),
        "W1": x.T @ delta1 / n, "c1": delta1.mean(axis=0),
    }


# brightness of a star over two overlapping periods
when = rng.uniform(0, 4, (120, 1))
x = np.hstack((np.sin(when), np.cos(1.7 * when)))
y = 0.5 * x[:, :1] * x[:, 1:] + 0.3 * x[:, :1]

sizes = [2, 7, 6, 1]
net = {}
for i in range(3):
    net[f"W{i + 1}"] = rng.normal(size=(sizes[i], sizes[i + 1]))
    net[f"c{i + 1}"] = rng.normal(size=sizes[i + 1]) * 0.1
errors = []
for epoch in range(500):
    errors.append(np.mean((y - forward(x, net)[-1]) ** 2))
    for name, step in steps(x, y, net).items():
        net[name] += 0.5 * step
    if epoch % 100 == 0:
        print(f"epoch {epoch:3d}  mse {errors[-1]:.5f}")
