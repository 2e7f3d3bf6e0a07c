import numpy as np
import random


class Online:
    def __init__(self, *sizes):
        rng = np.random.RandomState(27)
        self.W = [rng.randn(o, i) / np.sqrt(i) for i, o in zip(sizes, sizes[1:])]
        self.b = [np.zeros((o, 1)) for o in sizes[1:]]

    def outputs(self, a):
        a_list = [a]
        for W, b in zip(self.W, self.b):
            a_list.append(1 / (1 + np.exp(-(W @ a_list[-1] + b))))
        return a_list

    def sample(self, a, y, eta):
        a_list = self.outputs(a)
        deltas = [a_list[-1] - y]                      # cross-entropy
        for W, a_mid in zip(self.W[:0:-1], a_list[-2:0:-1]):
            deltas.append(W.T @ deltas[-1] * a_mid * (1 - a_mid))
        for W, b, delta, a_prev in zip(self.W, self.b, deltas[::-1], a_list):
            W -= eta * delta * a_prev.T
            b -= eta * delta
        return -np.sum(y * np.log(a_list[-1]) + (1 - y) * np.log(1 - a_list[-1]))


# is a 4-bit number divisible by three / by four?
random.seed(1)
bits = [np.array([[(k >> i) & 1] for i in range(4)], dtype=float) for k in range(16)]
answers = [np.array([[k % 3 == 0], [k % 4 == 0]], dtype=float) for k in range(16)]

net = Online(4, 8, 5, 2)
order = list(range(16))
epoch_loss = []
for epoch in range(500):
    random.shuffle(order)
    epoch_loss.append(sum(net.sample(bits[k], answers[k], 0.5) for k in order) / 16)
    if epoch % 100 == 0:
        print("epoch", epoch, "loss", round(epoch_loss[-1], 4))
wrong = sum(np.any((net.outputs(bits[k])[-1] > 0.5) != answers[k]) for k in range(16))
print("wrong answers:", wrong, "of 16")
