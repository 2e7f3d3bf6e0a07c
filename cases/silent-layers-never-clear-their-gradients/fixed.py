import numpy as np

rng = np.random.RandomState(12)


class Linear:
    def __init__(self, inputs, outputs):
        self.weight = rng.randn(inputs, outputs) * np.sqrt(2.0 / inputs)
        self.bias = np.zeros(outputs)
        self.weight_grad = np.zeros((inputs, outputs))
        self.bias_grad = np.zeros(outputs)

    def forward(self, x):
        self.x = x
        return x @ self.weight + self.bias

    def backward(self, upstream):
        self.weight_grad = self.x.T @ upstream
        self.bias_grad = upstream.sum(axis=0)
        return upstream @ self.weight.T

    def apply(self, rate):
        self.weight -= rate * self.weight_grad
        self.bias -= rate * self.bias_grad


class Tanh:
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, upstream):
        return upstream * (1 - self.y**2)

    def apply(self, rate):
        pass


x = rng.uniform(-2, 2, (48, 1))
t = np.sin(2 * x) * 0.7
chain = [Linear(1, 10), Tanh(), Linear(10, 1)]
errors = []
for epoch in range(300):
    y = x
    for part in chain:
        y = part.forward(y)
    errors.append(np.mean((y - t) ** 2))
    grad = 2 * (y - t) / len(x)
    for part in chain[::-1]:
        grad = part.backward(grad)
    for part in chain:
        part.apply(0.1)
print("error %.4f -> %.4f" % (errors[0], errors[-1]))
