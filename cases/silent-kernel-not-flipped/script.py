import numpy as np

rng = np.random.RandomState(90)


class Conv1D:
    """one channel; slides the kernel without flipping it"""

    def __init__(self, size):
        self.kernel = rng.randn(size) * 0.7
        self.bias = 0.0

    def forward(self, signal):
        self.signal = signal
        return np.correlate(signal, self.kernel, "valid") + self.bias

    def backward(self, grad):
        self.grad_kernel = np.correlate(self.signal, grad, "valid")
        self.grad_bias = grad.sum()
        return np.correlate(grad, self.kernel, "full")

    def update(self, rate):
        self.kernel = self.kernel - rate * self.grad_kernel
        self.bias = self.bias - rate * self.grad_bias


class Tanh:
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, grad):
        return grad * (1 - self.y ** 2)


first, bend, second = Conv1D(5), Tanh(), Conv1D(3)


def predict(signal):
    return second.forward(bend.forward(first.forward(signal)))


# sharpen a blurred signal
def example():
    sharp = np.repeat(rng.choice([-1.0, 1.0], 9), 3)[:26] + 0.1 * rng.randn(26)
    return np.convolve(sharp, [0.25, 0.5, 0.25], "same"), sharp[3:-3]


errors = []
for step in range(600):
    blurred, sharp = example()
    out = predict(blurred)
    errors.append(np.mean((out - sharp) ** 2))
    grad = second.backward(2 * (out - sharp) / out.size)
    first.backward(bend.backward(grad))
    first.update(0.03)
    second.update(0.03)
    if step % 150 == 149:
        print("mean error of the last 150: %.4f" % np.mean(errors[-150:]))
