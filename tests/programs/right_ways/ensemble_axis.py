import numpy as np

# 8 networks trained at once: axis 0 of every array is the member. Each member has its own bootstrap sample and its own rate.
rng = np.random.default_rng(67)
M, H, N = 8, 10, 60
x = rng.uniform(-1, 1, (N, 1))
y = np.where(x > 0, np.sin(5 * x), 0.5 * x) + 0.1 * rng.normal(size=(N, 1))
boot = rng.integers(0, N, (M, N))
xb, yb = x[boot], y[boot]                                   # (M, N, 1)

W1 = rng.normal(0, 3, (M, 1, H))
b1 = rng.normal(0, 1, (M, 1, H))
W2 = rng.normal(0, H ** -.5, (M, H, 1))
b2 = np.zeros((M, 1, 1))
rates = np.geomspace(0.05, 0.2, M)[:, None, None]


def forward(x):
    h = np.tanh(x @ W1 + b1)                                # broadcasts a shared (N, 1) input over the members
    return h, h @ W2 + b2


for it in range(801):
    h, out = forward(xb)
    diff = out - yb
    losses = (diff ** 2).mean(axis=(1, 2))                  # one loss per member
    g_out = 2 * diff / N                                    # mean over the N samples, NOT over the members
    g_W2 = h.swapaxes(1, 2) @ g_out
    g_b2 = g_out.sum(axis=1, keepdims=True)
    g_h = g_out @ W2.swapaxes(1, 2)
    g_h *= 1 - h ** 2
    g_W1 = xb.swapaxes(1, 2) @ g_h
    g_b1 = g_h.sum(axis=1, keepdims=True)
    W1 -= rates * g_W1
    b1 -= rates * g_b1
    W2 -= rates * g_W2
    b2 -= rates * g_b2
    if it % 200 == 0:
        print("it", it, "member losses", np.round(losses, 3))
pred = forward(x)[1]
print("mse of the mean %.4f, mean mse of the members %.4f" % (((pred.mean(0) - y) ** 2).mean(), ((pred - y) ** 2).mean()))
