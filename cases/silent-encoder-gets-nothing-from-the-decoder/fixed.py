import numpy as np

np.random.seed(201)


class TiedAutoencoder:
    """code = tanh(x W + p), picture = code W^T + q: one matrix for both ways"""

    def __init__(self, n_pixels, n_code):
        self.W = np.random.randn(n_pixels, n_code) * 0.3
        self.p = np.zeros(n_code)
        self.q = np.zeros(n_pixels)

    def encode(self, x):
        return np.tanh(x @ self.W + self.p)

    def decode(self, code):
        return code @ self.W.T + self.q

    def learn(self, x, rate):
        code = self.encode(x)
        miss = self.decode(code) - x

        back = (miss @ self.W) * (1 - code ** 2)
        grad_W = miss.T @ code + x.T @ back
        n = len(x)
        self.W -= rate * grad_W / n
        self.p -= rate * back.sum(axis=0) / n
        self.q -= rate * miss.sum(axis=0) / n


# small pictures made of two stripes
def pictures(n):
    out = np.zeros((n, 12))
    for row in out:
        row[np.random.randint(0, 6) * 2] = 1
        row[np.random.randint(0, 3) * 4 + 1] = 1
    return out - 0.2


auto = TiedAutoencoder(12, 5)
for step in range(600):
    auto.learn(pictures(20), 0.1)
sample = pictures(200)
print("largest miss", np.abs(auto.decode(auto.encode(sample)) - sample).max().round(3))
print("typical miss", np.abs(auto.decode(auto.encode(sample)) - sample).mean().round(3))
