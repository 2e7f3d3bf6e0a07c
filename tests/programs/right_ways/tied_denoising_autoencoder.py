# Denoising autoencoder with tied weights: W is used twice so its gradient has two terms.
import numpy as np

rng = np.random.RandomState(123)


class dA(object):
    def __init__(self, n_visible, n_hidden):
        a = 1. / n_visible
        self.W = rng.uniform(low=-4 * a, high=4 * a, size=(n_visible, n_hidden))
        self.hbias = np.zeros(n_hidden)
        self.vbias = np.zeros(n_visible)

    @staticmethod
    def sigmoid(x):
        return 1. / (1 + np.exp(-x))

    def get_hidden_values(self, x):
        return self.sigmoid(np.dot(x, self.W) + self.hbias)

    def get_reconstructed_input(self, h):
        return self.sigmoid(np.dot(h, self.W.T) + self.vbias)

    def train(self, x, lr, corruption):
        tilde_x = x * rng.binomial(size=x.shape, n=1, p=1 - corruption)
        y = self.get_hidden_values(tilde_x)
        z = self.get_reconstructed_input(y)
        # ascent on the log likelihood: all L_* are minus the gradient
        L_vbias = x - z
        L_hbias = np.dot(L_vbias, self.W) * y * (1 - y)
        L_W = np.dot(tilde_x.T, L_hbias) + np.dot(L_vbias.T, y)
        n = x.shape[0]
        self.W += lr * L_W / n
        self.hbias += lr * np.sum(L_hbias, axis=0) / n
        self.vbias += lr * np.sum(L_vbias, axis=0) / n

    def cross_entropy(self, x):
        z = self.get_reconstructed_input(self.get_hidden_values(x))
        return -np.mean(np.sum(x * np.log(z) + (1 - x) * np.log(1 - z), axis=1))


prototypes = (rng.rand(5, 16) > 0.5).astype(float)
data = prototypes[rng.randint(0, 5, 100)]
flip = rng.rand(*data.shape) < 0.03
data = np.where(flip, 1 - data, data)
da = dA(16, 7)
for epoch in range(300):
    da.train(data, lr=0.8, corruption=0.2)
    if epoch % 60 == 0:
        print('epoch %d, cost %.4f' % (epoch, da.cross_entropy(data)))
print('cost %.4f' % da.cross_entropy(data))
