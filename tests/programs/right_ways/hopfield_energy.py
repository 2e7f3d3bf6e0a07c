import numpy as np


class Hopfield:
    def __init__(self, n):
        self.n = n
        self.W = np.zeros((n, n))

    def store(self, patterns):
        for p in patterns:
            self.W += np.outer(p, p) / self.n
        np.fill_diagonal(self.W, 0)

    def store_delta(self, patterns, lr=0.1, sweeps=30):
        """perceptron-like correction: w_ij += lr * (p_i - out_i) * p_j wherever a stored bit is not stable"""
        for sweep in range(sweeps):
            wrong = 0
            for p in patterns:
                out = np.where(self.W @ p >= 0, 1, -1)
                err = p - out
                wrong += np.count_nonzero(err)
                dW = lr * np.outer(err, p) / self.n
                self.W += (dW + dW.T) / 2           # stay symmetric
                np.fill_diagonal(self.W, 0)
            if wrong == 0:
                return sweep
        return sweeps

    def energy(self, s):
        return -0.5 * s @ self.W @ s

    def recall(self, s, rng, steps=5):
        s = s.copy()
        trace = [self.energy(s)]
        for _ in range(steps):
            for i in rng.permutation(self.n):       # asynchronous
                s[i] = 1 if self.W[i] @ s >= 0 else -1
            trace.append(self.energy(s))
        return s, trace


rng = np.random.default_rng(37)
pats = rng.choice([-1, 1], size=(9, 60))
net = Hopfield(60)
net.store(pats)
print("unstable bits, Hebb only:", sum(np.sum(np.where(net.W @ p >= 0, 1, -1) != p) for p in pats))
print("sweeps of the delta rule:", net.store_delta(pats))
print("unstable bits now:", sum(np.sum(np.where(net.W @ p >= 0, 1, -1) != p) for p in pats))
for k in range(3):
    noisy = pats[k].copy()
    noisy[rng.choice(60, 8, replace=False)] *= -1
    back, trace = net.recall(noisy, rng)
    print("pattern", k, "overlap %.2f -> %.2f" % (noisy @ pats[k] / 60, back @ pats[k] / 60), "energy", np.round(trace, 2))
