"""Pre-train on task A, freeze the first layer, train only a new head on task B, then unfreeze with a small rate."""
import numpy as np

r = np.random.RandomState(18)


class FC:
    def __init__(self, a, b, act):
        self.W, self.b, self.act, self.trainable = r.randn(a, b) / np.sqrt(a), np.zeros(b), act, True

    def forward(self, x):
        self.inp = x
        z = x @ self.W + self.b
        self.out = np.tanh(z) if self.act else z
        return self.out

    def backward(self, g):
        if self.act:
            g = g * (1 - self.out ** 2)
        self.dW, self.db = self.inp.T @ g, g.sum(0)
        return g @ self.W.T


def fit(layers, x, y, lr, steps, name):
    for s in range(steps):
        out = x
        for l in layers:
            out = l.forward(out)
        err = out - y
        if s == 0 or s == steps - 1:
            print("%-10s step %3d mse %.4f" % (name, s, (err ** 2).mean()))
        g = 2 * err / err.size
        for l in layers[::-1]:
            if not l.trainable:
                break                      # everything below is frozen as well: no need to go on
            g = l.backward(g)
        for l in layers:
            if l.trainable:
                l.W -= lr * l.dW
                l.b -= lr * l.db


x = r.uniform(-2, 2, (150, 3))
taskA = np.c_[np.sin(x[:, 0] + x[:, 1]), np.cos(x[:, 2])]
taskB = np.sin(x[:, :1] + x[:, 1:2]) - 0.5 * np.cos(x[:, 2:])

body, headA, headB = FC(3, 20, True), FC(20, 2, False), FC(20, 1, False)
fit([body, headA], x, taskA, 0.2, 500, "task A")
frozen_copy = body.W.copy()
body.trainable = False
fit([body, headB], x, taskB, 0.1, 300, "head only")
print("body untouched:", np.array_equal(frozen_copy, body.W))
body.trainable = True
fit([body, headB], x, taskB, 0.02, 300, "fine-tune")
