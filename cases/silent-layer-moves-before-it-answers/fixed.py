import numpy as np

rng = np.random.RandomState(63)


class FullyConnected:
    def __init__(self, inputs, outputs, rate):
        self.W = rng.randn(inputs, outputs) * np.sqrt(1.0 / inputs)
        self.b = np.zeros((1, outputs))
        self.rate = rate

    def forward(self, data):
        self.data = data
        return np.matmul(data, self.W) + self.b

    def backward(self, grad_output):
        grad_input = np.matmul(grad_output, self.W.T)
        self.W -= self.rate * np.matmul(self.data.T, grad_output)
        self.b -= self.rate * grad_output.sum(axis=0, keepdims=True)
        return grad_input


class Sigmoid:
    def forward(self, data):
        self.result = 1 / (1 + np.exp(-data))
        return self.result

    def backward(self, grad_output):
        return grad_output * self.result * (1 - self.result)


class Chain:
    def __init__(self, *parts):
        self.parts = parts

    def forward(self, data):
        for part in self.parts:
            data = part.forward(data)
        return data

    def backward(self, grad):
        for part in reversed(self.parts):
            grad = part.backward(grad)
        return grad


# a wave, sampled
t = np.linspace(-1, 1, 60).reshape(-1, 1)
wave = 0.5 * np.sin(3 * t) + 0.2 * t

chain = Chain(FullyConnected(1, 8, 1.0), Sigmoid(), FullyConnected(8, 5, 1.0), Sigmoid(), FullyConnected(5, 1, 1.0))
progress = []
for step in range(1500):
    out = chain.forward(t)
    progress.append(((out - wave) ** 2).mean())
    chain.backward(2 * (out - wave) / len(t) * 0.2)
    if step % 300 == 0:
        print("step %4d  mse %.5f" % (step, progress[-1]))
print("last mse %.5f" % progress[-1])
