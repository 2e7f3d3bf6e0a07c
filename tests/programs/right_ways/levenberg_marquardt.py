import numpy as np

# Gauss-Newton with Levenberg damping. The Jacobian of the residuals is backpropagated sample by sample
# (no sum over the batch in the backward pass: each row of J is the gradient of ONE output).
gen = np.random.default_rng(62)
x = np.linspace(-3, 3, 70)
t = np.exp(-x ** 2) * np.sin(3 * x) + 0.02 * gen.normal(size=70)
K = 6


def net(p, x):
    w, b, v, d = p[:K], p[K:2 * K], p[2 * K:3 * K], p[3 * K]
    h = np.tanh(np.outer(x, w) + b)
    return h @ v + d, h


def jacobian(p, x):
    y, h = net(p, x)
    v = p[2 * K:3 * K]
    dz = (1 - h ** 2) * v
    return y, np.hstack([dz * x[:, None], dz, h, np.ones((len(x), 1))])


p = gen.normal(size=3 * K + 1)
mu = 1e-2
sse = np.sum((net(p, x)[0] - t) ** 2)
for it in range(60):
    y, J = jacobian(p, x)
    r = y - t
    JTJ, grad = J.T @ J, J.T @ r                 # gradient of 0.5 * sum r^2
    if it % 10 == 0:
        print("iter %2d  sse %.6f  mu %.1e" % (it, sse, mu))
    while mu < 1e8:
        trial = p - np.linalg.solve(JTJ + mu * np.eye(len(p)), grad)
        new = np.sum((net(trial, x)[0] - t) ** 2)
        if new < sse:
            p, sse, mu = trial, new, mu / 3
            break
        mu *= 4
print("final sse %.6f" % sse)
