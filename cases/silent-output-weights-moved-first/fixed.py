import numpy as np

np.random.seed(52)


class Perceptron:
    def __init__(self, n_in, n_hid, n_out):
        self.wh = np.random.randn(n_hid, n_in) * 0.6
        self.bh = np.zeros(n_hid)
        self.wo = np.random.randn(n_out, n_hid) * 0.6
        self.bo = np.zeros(n_out)

    @staticmethod
    def act(z):
        return 1.0 / (1.0 + np.exp(-z))

    def feed(self, x):
        self.x = x
        self.h = self.act(self.wh.dot(x) + self.bh)
        self.o = self.act(self.wo.dot(self.h) + self.bo)
        return self.o

    def correct(self, target, eta):
        delta_o = (self.o - target) * self.o * (1 - self.o)
        delta_h = self.wo.T.dot(delta_o) * self.h * (1 - self.h)
        self.wo -= eta * np.outer(delta_o, self.h)
        self.bo -= eta * delta_o
        self.wh -= eta * np.outer(delta_h, self.x)
        self.bh -= eta * delta_h
        return 0.5 * np.sum((self.o - target) ** 2)


# half adder with noisy inputs
bits = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=float)
want = np.array([[0, 0], [1, 0], [1, 0], [0, 1]], dtype=float)

net = Perceptron(2, 6, 2)
errors = []
for epoch in range(400):
    total = 0
    for k in np.random.permutation(4):
        net.feed(bits[k] + 0.05 * np.random.randn(2))
        total += net.correct(want[k], 1.5)
    errors.append(total)
    if epoch % 100 == 0:
        print("epoch %3d, error %.4f" % (epoch, total))
print(np.array([net.feed(b) for b in bits]).round(2))
