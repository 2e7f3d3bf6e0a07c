# Physics-informed net for u' = -u + cos(t), u(0) = 1.  Loss = mean residual^2 + 10 (u(0) - 1)^2,
# so the backward pass has to go through the derivative u'(t) of the network as well.
import numpy as np

rng = np.random.default_rng(60)
H = 15
a = rng.normal(0, 1.0, H)          # inner weights
b = rng.normal(0, 1.0, H)
c = rng.normal(0, 0.3, H)          # outer weights
t = np.linspace(0, 4, 41)[:, None]


def net(t, a, b, c):
    s = np.tanh(t * a + b)
    u = s @ c
    up = ((1 - s ** 2) * a) @ c    # du/dt
    return s, u, up


def loss_grad(a, b, c):
    n = len(t)
    s, u, up = net(t, a, b, c)
    s0, u0, _ = net(np.zeros((1, 1)), a, b, c)
    r = up + u - np.cos(t[:, 0])
    i = u0[0] - 1.0
    loss = np.mean(r ** 2) + 10 * i ** 2

    w = (2 * r / n)[:, None]
    q = 1 - s ** 2
    # r = sum_j c_j (q_j a_j + s_j);  ds/dz = q, dq/dz = -2 s q
    gc = (w * (q * a + s)).sum(0)
    dz = w * c * (-2 * s * q * a + q)
    ga = (dz * t).sum(0) + (w * c * q).sum(0)
    gb = dz.sum(0)
    # boundary term: t = 0, hence nothing for a
    gc = gc + 20 * i * s0[0]
    gb = gb + 20 * i * c * (1 - s0[0] ** 2)
    return loss, ga, gb, gc


m = np.zeros((3, H))
v = np.zeros((3, H))
for k in range(1, 3001):
    loss, *g = loss_grad(a, b, c)
    g = np.array(g)
    m = 0.9 * m + 0.1 * g
    v = 0.999 * v + 0.001 * g * g
    step = 0.01 * (m / (1 - 0.9 ** k)) / (np.sqrt(v / (1 - 0.999 ** k)) + 1e-8)
    a, b, c = a - step[0], b - step[1], c - step[2]
    if k % 600 == 0:
        exact = 0.5 * (np.cos(t) + np.sin(t) + np.exp(-t))[:, 0]
        print("%d loss %.2e  max error %.4f" % (k, loss, np.abs(net(t, a, b, c)[1] - exact).max()))
