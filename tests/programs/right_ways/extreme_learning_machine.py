import numpy as np


class ELM:
    """Random hidden layer, never trained; the readout comes from one ridge solve, or from gradient descent on the same cost."""

    def __init__(self, n_in, n_hidden, ridge, seed):
        r = np.random.RandomState(seed)
        self.A = r.randn(n_in, n_hidden)
        self.a = r.randn(n_hidden)
        self.ridge = ridge

    def features(self, x):
        return np.maximum(0, x @ self.A + self.a)

    def fit(self, x, y):
        Hm = self.features(x)
        n = len(x)
        self.beta = np.linalg.solve(Hm.T @ Hm / n + self.ridge * np.eye(Hm.shape[1]), Hm.T @ y / n)
        return self

    def cost(self, beta, Hm, y):
        return 0.5 * np.mean((Hm @ beta - y) ** 2) + 0.5 * self.ridge * beta @ beta

    def fit_gradient(self, x, y, steps):
        Hm = self.features(x)
        # Lipschitz constant of the quadratic gives the rate
        lip = np.linalg.eigvalsh(Hm.T @ Hm / len(x))[-1] + self.ridge
        beta, look, k = np.zeros(Hm.shape[1]), np.zeros(Hm.shape[1]), 1.0
        for step in range(steps):
            grad = Hm.T @ (Hm @ look - y) / len(x) + self.ridge * look
            new = look - grad / lip
            k_new = (1 + np.sqrt(1 + 4 * k * k)) / 2
            look = new + (k - 1) / k_new * (new - beta)               # FISTA-like acceleration
            beta, k = new, k_new
            if step % (steps // 4) == 0:
                print("   step %4d cost %.6f" % (step, self.cost(beta, Hm, y)))
        return beta


rs = np.random.RandomState(65)
x = rs.uniform(-2, 2, (200, 2))
y = np.cos(2 * x[:, 0]) * x[:, 1] + 0.05 * rs.randn(200)
elm = ELM(2, 40, 1e-2, seed=1).fit(x, y)
H = elm.features(x)
print("closed form cost %.6f" % elm.cost(elm.beta, H, y))
beta = elm.fit_gradient(x, y, 800)
print("descent cost     %.6f" % elm.cost(beta, H, y), "distance", np.linalg.norm(beta - elm.beta))
