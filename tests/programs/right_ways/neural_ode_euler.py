"""A 'neural ODE' dh/dt = f(h) unrolled with Euler steps; the same weights at every step, so gradients add up over time.
The initial state of each trajectory is given, the whole trajectory is compared with a damped oscillator."""
import numpy as np

rng = np.random.RandomState(59)
dt, STEPS, HID = 0.1, 25, 14
A = np.array([[-0.1, 2.0], [-2.0, -0.1]])

W1 = rng.randn(2, HID) * 0.5
b1 = np.zeros(HID)
W2 = rng.randn(HID, 2) * 0.2


def truth(h0):
    out = [h0]
    for _ in range(STEPS):
        h = out[-1]
        for _ in range(10):                      # finer steps for the reference
            h = h + dt / 10 * np.tanh(h) @ A.T
        out.append(h)
    return np.array(out)


def integrate(h0):
    hs, us = [h0], []
    for _ in range(STEPS):
        u = np.tanh(hs[-1] @ W1 + b1)
        us.append(u)
        hs.append(hs[-1] + dt * (u @ W2))
    return np.array(hs), us


def loss(hs, ref):
    return np.sum((hs[1:] - ref[1:]) ** 2) / (STEPS * len(ref[0]))


def adjoint(hs, us, ref):
    gW1, gb1, gW2 = 0 * W1, 0 * b1, 0 * W2
    lam = np.zeros_like(hs[0])
    for t in range(STEPS, 0, -1):
        lam = lam + 2 * (hs[t] - ref[t]) / (STEPS * len(lam))
        gW2 += dt * us[t - 1].T @ lam
        dz = dt * (lam @ W2.T) * (1 - us[t - 1] ** 2)
        gW1 += hs[t - 1].T @ dz
        gb1 += dz.sum(axis=0)
        lam = lam + dz @ W1.T                    # identity path + path through f
    return gW1, gb1, gW2


h0 = rng.uniform(-1.5, 1.5, (24, 2))
ref = truth(h0)
for it in range(401):
    hs, us = integrate(h0)
    g = adjoint(hs, us, ref)
    size = np.sqrt(sum((q ** 2).sum() for q in g))
    for p, q in zip((W1, b1, W2), g):
        p -= 0.2 * q / max(1.0, size)
    if it % 100 == 0:
        print("it %d  loss %.5f" % (it, loss(hs, ref)))
