import numpy as np

np.random.seed(0)


def svm_loss(x, y):
    """Weston-Watkins hinge, as in the CS231n notes."""
    N = x.shape[0]
    correct = x[np.arange(N), y]
    margins = np.maximum(0, x - correct[:, np.newaxis] + 1.0)
    margins[np.arange(N), y] = 0
    loss = np.sum(margins) / N
    num_pos = np.sum(margins > 0, axis=1)
    dx = np.zeros_like(x)
    dx[margins > 0] = 1
    dx[np.arange(N), y] -= num_pos
    dx /= N
    return loss, dx


class TwoLayerNet(object):
    def __init__(self, input_dim=2, hidden_dim=50, num_classes=3, weight_scale=0.3, reg=1e-3):
        self.params = {}
        self.reg = reg
        self.params['W1'] = weight_scale * np.random.randn(input_dim, hidden_dim)
        self.params['b1'] = np.zeros(hidden_dim)
        self.params['W2'] = weight_scale * np.random.randn(hidden_dim, num_classes)
        self.params['b2'] = np.zeros(num_classes)

    def loss(self, X, y=None):
        W1, b1 = self.params['W1'], self.params['b1']
        W2, b2 = self.params['W2'], self.params['b2']
        hidden = np.maximum(0, X.dot(W1) + b1)
        scores = hidden.dot(W2) + b2
        if y is None:
            return scores
        data_loss, dscores = svm_loss(scores, y)
        loss = data_loss + 0.5 * self.reg * (np.sum(W1 * W1) + np.sum(W2 * W2))
        grads = {}
        grads['W2'] = hidden.T.dot(dscores) + self.reg * W2
        grads['b2'] = dscores.sum(axis=0)
        dhidden = dscores.dot(W2.T)
        dhidden[hidden == 0] = 0
        grads['W1'] = X.T.dot(dhidden) + self.reg * W1
        grads['b1'] = dhidden.sum(axis=0)
        return loss, grads


# spiral data
n, K = 60, 3
X = np.zeros((n * K, 2))
y = np.zeros(n * K, dtype='uint8')
for j in range(K):
    ix = range(n * j, n * (j + 1))
    radius = np.linspace(0.05, 1, n)
    t = np.linspace(j * 4, (j + 1) * 4, n) + np.random.randn(n) * 0.15
    X[ix] = np.c_[radius * np.sin(t), radius * np.cos(t)]
    y[ix] = j

model = TwoLayerNet()
lr = 0.5
for i in range(1500):
    loss, grads = model.loss(X, y)
    if i % 300 == 0:
        print("iteration %d: loss %f" % (i, loss))
    for name in model.params:
        model.params[name] -= lr * grads[name]
    lr *= 0.9995
print('training accuracy: %.2f' % np.mean(np.argmax(model.loss(X), axis=1) == y))
