import numpy as np


class Compressor:
    def __init__(self, wide, narrow):
        self.V = np.random.randn(wide, narrow) * 0.3
        self.p = np.zeros(narrow)
        self.q = np.zeros(wide)

    def encode(self, x):
        return np.tanh(x @ self.V + self.p)

    def decode(self, code):
        # same weights, other direction
        return code @ self.V + self.q

    def gradients(self, x):
        code = self.encode(x)
        err = self.decode(code) - x
        n = len(x)
        d_code = (err @ self.V) * (1 - code ** 2)
        dV = (x.T @ d_code + err.T @ code) / n     # used twice, so two terms
        return np.sum(err ** 2) / (2 * n), dV, d_code.sum(0) / n, err.sum(0) / n


np.random.seed(90)
# 8 sensors which really only measure 3 things
hidden_causes = np.random.randn(200, 3)
sensors = hidden_causes @ np.random.randn(3, 8) * 0.4 + 0.05 * np.random.randn(200, 8)

auto = Compressor(8, 3)
rebuild = []
for epoch in range(40):
    for start in range(0, 200, 50):
        chunk = sensors[start:start + 50]
        loss, dV, dp, dq = auto.gradients(chunk)
        auto.V -= 0.2 * dV
        auto.p -= 0.2 * dp
        auto.q -= 0.2 * dq
    rebuild.append(loss)
    if epoch % 10 == 0:
        print("epoch", epoch, "reconstruction loss", loss)
print("compressed first row:", auto.encode(sensors[:1]).round(2), "loss", rebuild[-1].round(4))
