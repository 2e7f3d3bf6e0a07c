import numpy as np

# Mixture density network (Bishop 1994) on the inverse problem x = y + 0.3 sin(2 pi y) + noise: many y for one x.
np.random.seed(57)
M, H = 3, 16
y = np.random.uniform(0, 1, (250, 1))
x = y + 0.3 * np.sin(2 * np.pi * y) + np.random.uniform(-.05, .05, y.shape)

theta = {'W1': np.random.randn(1, H) * 3, 'b1': np.random.randn(H), 'W2': np.random.randn(H, 3 * M) * .2,
         'b2': np.concatenate([np.zeros(M), np.linspace(.1, .9, M), np.full(M, -1.5)])}


def mdn(th, x, y):
    h = np.tanh((x - .5) @ th['W1'] + th['b1'])
    o = h @ th['W2'] + th['b2']
    a, mu, ls = o[:, :M], o[:, M:2 * M], o[:, 2 * M:]
    logpi = a - np.logaddexp.reduce(a, axis=1, keepdims=True)
    lognorm = -0.5 * ((y - mu) * np.exp(-ls)) ** 2 - ls - 0.5 * np.log(2 * np.pi)
    joint = logpi + lognorm
    logp = np.logaddexp.reduce(joint, axis=1, keepdims=True)
    nll = -logp.mean()

    resp = np.exp(joint - logp)                     # posterior of the components
    da = np.exp(logpi) - resp
    dmu = resp * (mu - y) * np.exp(-2 * ls)
    dls = resp * (1 - ((y - mu) * np.exp(-ls)) ** 2)
    do = np.concatenate([da, dmu, dls], axis=1) / len(x)
    dh = do @ th['W2'].T * (1 - h ** 2)
    return nll, {'W2': h.T @ do, 'b2': do.sum(0), 'W1': (x - .5).T @ dh, 'b1': dh.sum(0)}


mean = {k: 0 for k in theta}
sq = {k: 0 for k in theta}
for t in range(1, 801):
    nll, g = mdn(theta, x, y)
    for k in theta:
        mean[k] = .9 * mean[k] + .1 * g[k]
        sq[k] = .999 * sq[k] + .001 * g[k] ** 2
        theta[k] = theta[k] - .01 * mean[k] / (1 - .9 ** t) / (np.sqrt(sq[k] / (1 - .999 ** t)) + 1e-8)
    if t % 200 == 0 or t == 1:
        print(t, "nll %.4f" % nll)
