import numpy as np


def soft_threshold(w, t):
    # proximal operator of t*|w|: part of the objective, never part of the gradient
    return np.sign(w) * np.maximum(np.abs(w) - t, 0.0)


def forward(x, w1, b1, w2, b2):
    z1 = np.dot(x, w1) + b1
    a1 = np.maximum(z1, 0.)
    return z1, a1, np.dot(a1, w2) + b2


def main():
    gen = np.random.RandomState(9)
    n, d = 120, 15
    x = gen.randn(n, d)
    y = (2 * np.maximum(x[:, 0], 0) - 1.5 * np.maximum(x[:, 3] + x[:, 4], 0))[:, np.newaxis]
    w1 = gen.randn(d, 8) * 0.3
    b1 = np.zeros(8)
    w2 = gen.randn(8, 1) * 0.5
    b2 = np.zeros(1)
    lam, eta = 0.02, 0.05

    for it in range(900):
        z1, a1, out = forward(x, w1, b1, w2, b2)
        smooth = 0.5 * np.mean((out - y) ** 2)
        objective = smooth + lam * np.abs(w1).sum()

        delta2 = (out - y) / n
        grad_w2 = np.dot(a1.T, delta2)
        grad_b2 = delta2.sum(axis=0)
        delta1 = np.dot(delta2, w2.T)
        delta1[z1 <= 0] = 0.
        grad_w1 = np.dot(x.T, delta1)
        grad_b1 = delta1.sum(axis=0)

        # value clipping, element by element
        for g in (grad_w1, grad_b1, grad_w2, grad_b2):
            np.clip(g, -0.5, 0.5, out=g)

        w1 = soft_threshold(w1 - eta * grad_w1, eta * lam)
        b1 = b1 - eta * grad_b1
        w2 = w2 - eta * grad_w2
        b2 = b2 - eta * grad_b2
        if it % 150 == 0:
            print("%4d  fit %.4f  fit + l1 %.4f  zero weights %d/%d" % (it, smooth, objective, (w1 == 0).sum(), w1.size))
    used = np.flatnonzero(np.abs(w1).sum(axis=1))
    print("inputs still in use:", used)


if __name__ == "__main__":
    main()
