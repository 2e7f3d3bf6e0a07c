# k-fold cross-validation over the hidden size; every fold stops early and restores the best weights it has seen
import numpy as np
import copy

master = np.random.RandomState(66)
x_all = master.uniform(-3, 3, (90, 1))
y_all = np.sin(x_all) + 0.25 * master.randn(90, 1)


def init(hidden, seed):
    g = np.random.RandomState(seed)
    return {'w': [g.randn(1, hidden), g.randn(hidden, 1) / np.sqrt(hidden)], 'b': [np.zeros(hidden), np.zeros(1)]}


def forward(net, x):
    h = np.tanh(x @ net['w'][0] + net['b'][0])
    return h, h @ net['w'][1] + net['b'][1]


def error(net, x, y):
    return float(np.mean((forward(net, x)[1] - y) ** 2))


def sgd_epoch(net, x, y, lr, g):
    for i in g.permutation(len(x)):
        xi, yi = x[i:i + 1], y[i:i + 1]
        h, out = forward(net, xi)
        d_out = 2 * (out - yi)
        d_hid = d_out @ net['w'][1].T * (1 - h ** 2)
        net['w'][1] -= lr * h.T @ d_out
        net['b'][1] -= lr * d_out[0]
        net['w'][0] -= lr * xi.T @ d_hid
        net['b'][0] -= lr * d_hid[0]


def train(hidden, xt, yt, xv, yv, seed, patience=10):
    net, g = init(hidden, seed), np.random.RandomState(seed)
    # the inputs are scaled with the training part only
    mu, sd = xt.mean(), xt.std()
    xt, xv = (xt - mu) / sd, (xv - mu) / sd
    best, best_err, since, epoch = copy.deepcopy(net), np.inf, 0, 0
    while since < patience and epoch < 50:
        sgd_epoch(net, xt, yt, 0.03, g)
        e = error(net, xv, yv)
        if e < best_err - 1e-5:
            best, best_err, since = copy.deepcopy(net), e, 0
        else:
            since += 1
        epoch += 1
    net = best
    return error(net, xt, yt), best_err, epoch


folds = np.array_split(master.permutation(90), 5)
for hidden in (1, 4, 10):
    res = []
    for k in range(5):
        tr = np.concatenate([folds[j] for j in range(5) if j != k])
        va = folds[k]
        res.append(train(hidden, x_all[tr], y_all[tr], x_all[va], y_all[va], seed=k))
    print("hidden %2d: train %.4f  validation %.4f  epochs %s" % (hidden, np.mean([r[0] for r in res]), np.mean([r[1] for r in res]), [r[2] for r in res]))
