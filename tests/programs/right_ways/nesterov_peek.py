import numpy as np

# Nesterov in its original form: the gradient is taken where the momentum is about to land us,
# not where the weights are now.  Regression of a bumpy 1-D curve.
rng = np.random.default_rng(3)
x = np.linspace(-2, 2, 60)[:, None]
t = np.sin(2 * x) + 0.3 * x + 0.05 * rng.standard_normal(x.shape)

H = 12
weights = [rng.standard_normal((1, H)), np.zeros(H), rng.standard_normal((H, 1)) / np.sqrt(H), np.zeros(1)]
vel = [np.zeros_like(w) for w in weights]


def loss_and_grad(ws):
    w1, b1, w2, b2 = ws
    h = np.tanh(x @ w1 + b1)
    y = h @ w2 + b2
    e = y - t
    n = len(x)
    loss = 0.5 * (e ** 2).sum() / n
    dy = e / n
    dh = dy @ w2.T
    da = dh * (1 - h * h)
    return loss, [x.T @ da, da.sum(0), h.T @ dy, dy.sum(0)]


mu = 0.9
for epoch in range(601):
    lr = 0.08 if epoch < 400 else 0.03
    ahead = [w + mu * v for w, v in zip(weights, vel)]
    loss, grads = loss_and_grad(ahead)
    for i, g in enumerate(grads):
        vel[i] = mu * vel[i] - lr * g
        weights[i] = weights[i] + vel[i]
    if epoch % 150 == 0:
        here, _ = loss_and_grad(weights)
        print('epoch %4d   loss ahead %.5f   loss here %.5f' % (epoch, loss, here))
