import numpy as np

np.random.seed(21)


class Adadelta(object):
    """Zeiler 2012.  No learning rate at all: step = RMS(previous steps) / RMS(gradients)."""

    def __init__(self, rho=0.95, eps=1e-4):
        self.rho, self.eps = rho, eps
        self.g2 = None
        self.d2 = None

    def update(self, theta, grad):
        if self.g2 is None:
            self.g2 = np.zeros_like(theta)
            self.d2 = np.zeros_like(theta)
        self.g2 = self.rho * self.g2 + (1 - self.rho) * grad ** 2
        delta = -np.sqrt(self.d2 + self.eps) / np.sqrt(self.g2 + self.eps) * grad
        self.d2 = self.rho * self.d2 + (1 - self.rho) * delta ** 2
        return theta + delta


def unroll(theta, shapes):
    res, pos = [], 0
    for s in shapes:
        n = int(np.prod(s))
        res.append(theta[pos:pos + n].reshape(s))
        pos += n
    return res


shapes = [(3, 7), (7,), (7, 4), (4,)]
theta = np.concatenate([np.random.randn(3, 7).ravel() * .6, np.zeros(7), np.random.randn(7, 4).ravel() * .4, np.zeros(4)])

centres = np.array([[2, 0, 0], [0, 2, 0], [0, 0, 2], [-1.5, -1.5, -1.5]])
lab = np.random.randint(0, 4, 160)
X = centres[lab] + np.random.randn(160, 3) * .7
T = np.eye(4)[lab]


def objective(theta, X, T):
    W1, b1, W2, b2 = unroll(theta, shapes)
    z = X.dot(W1) + b1
    a = np.maximum(0.01 * z, z)              # leaky relu
    s = a.dot(W2) + b2
    s = s - s.max(1)[:, None]
    logp = s - np.log(np.exp(s).sum(1))[:, None]
    J = -(T * logp).sum() / len(X)
    ds = (np.exp(logp) - T) / len(X)
    dz = ds.dot(W2.T) * np.where(z > 0, 1.0, 0.01)
    grad = np.concatenate([X.T.dot(dz).ravel(), dz.sum(0), a.T.dot(ds).ravel(), ds.sum(0)])
    return J, grad


opt = Adadelta()
for i in range(400):
    J, g = objective(theta, X, T)
    theta = opt.update(theta, g)
    if i % 80 == 0:
        print("iter %d  J = %.4f" % (i, J))
print("J = %.4f" % objective(theta, X, T)[0])
