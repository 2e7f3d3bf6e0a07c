import numpy as np


def relu(z):
    return np.where(z > 0, z, 0 * z)


def relu_prime(z):
    return (z > 0).astype(float)


def linear(z):
    return z


def linear_prime(z):
    return np.ones_like(z)


class Layer:
    def __init__(self, n, m, f, f_prime):
        self.w = np.random.normal(0, np.sqrt(2 / n), (m, n))
        self.b = np.full(m, 0.1)
        self.f, self.f_prime = f, f_prime

    def forward(self, a):
        self.a_in = a
        self.z = self.w @ a + self.b
        return self.f(self.z)

    def backward(self, grad_out, lr):
        grad_z = grad_out * self.f_prime(self.z)
        grad_in = self.w.T @ grad_z
        # outer product of one sample
        self.w -= lr * grad_z[:, np.newaxis] * self.a_in[np.newaxis, :]
        self.b -= lr * grad_z
        return grad_in


np.random.seed(8)
network = [Layer(2, 10, relu, relu_prime), Layer(10, 1, linear, linear_prime)]

# learn |x - y|
pairs = np.random.uniform(-1, 1, (100, 2))
distances = np.abs(pairs[:, 0] - pairs[:, 1])

mean_losses = []
for epoch in range(25):
    losses = []
    for pair, distance in zip(pairs, distances):
        a = pair
        for layer in network:
            a = layer.forward(a)
        losses.append(0.5 * (a[0] - distance) ** 2)
        grad = a - distance
        for layer in network[::-1]:
            grad = layer.backward(grad, 0.05)
    mean_losses.append(np.mean(losses))
    if epoch % 5 == 0:
        print(f"epoch {epoch:2d}  loss {mean_losses[-1]:.5f}")
print(f"last      loss {mean_losses[-1]:.5f}")
