# A GAN on a 1-D Gaussian. D goes up on log D(x) + log(1 - D(G(z))), G uses the non-saturating loss -log D(G(z)).
import numpy as np

np.random.seed(7)
batch = 64


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


G = {'w1': np.random.randn(1, 8) * .5, 'b1': np.zeros(8), 'w2': np.random.randn(8, 1) * .5, 'b2': np.zeros(1)}
D = {'w1': np.random.randn(1, 10) * .7, 'b1': np.random.randn(10) * .1, 'w2': np.random.randn(10, 1) * .3, 'b2': np.zeros(1)}


def gen(z):
    h = np.tanh(z.dot(G['w1']) + G['b1'])
    return h, h.dot(G['w2']) + G['b2']


def disc(x):
    h = np.tanh(x.dot(D['w1']) + D['b1'])
    return h, h.dot(D['w2']) + D['b2']


def disc_backward(x, h, ds):
    dh = ds.dot(D['w2'].T) * (1 - h ** 2)
    return {'w2': h.T.dot(ds), 'b2': ds.sum(0), 'w1': x.T.dot(dh), 'b1': dh.sum(0)}, dh.dot(D['w1'].T)


avg = {k: w.copy() for k, w in G.items()}
for it in range(1500):
    lr = 0.05 if it < 1000 else 0.02
    # --- discriminator ---
    real = 3 + 0.6 * np.random.randn(batch, 1)
    z = np.random.randn(batch, 1)
    fake = gen(z)[1]
    hr, sr = disc(real)
    hf, sf = disc(fake)
    loss_d = np.mean(np.logaddexp(0, -sr)) + np.mean(np.logaddexp(0, sf))
    gr, _ = disc_backward(real, hr, (sigmoid(sr) - 1) / batch)
    gf, _ = disc_backward(fake, hf, sigmoid(sf) / batch)
    for k in D:
        D[k] -= lr * (gr[k] + gf[k] + 1e-3 * D[k])
    # --- generator: fresh noise, gradients of D's weights are thrown away ---
    z = np.random.randn(batch, 1)
    hg, fake = gen(z)
    hf, sf = disc(fake)
    loss_g = np.mean(np.logaddexp(0, -sf))
    _, dfake = disc_backward(fake, hf, (sigmoid(sf) - 1) / batch)
    dh = dfake.dot(G['w2'].T) * (1 - hg ** 2)
    grad = {'w2': hg.T.dot(dfake), 'b2': dfake.sum(0), 'w1': z.T.dot(dh), 'b1': dh.sum(0)}
    for k in G:
        G[k] -= lr * grad[k]
        avg[k] = .99 * avg[k] + .01 * G[k]
    if it % 300 == 299:
        s = gen(np.random.randn(2000, 1))[1]
        print("%4d  D %.3f  G %.3f  mean %.2f  std %.2f" % (it + 1, loss_d, loss_g, s.mean(), s.std()))
