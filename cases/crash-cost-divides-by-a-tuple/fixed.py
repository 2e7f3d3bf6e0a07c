import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def make_layer(neurons, inputs, gen):
    return [gen.standard_normal((neurons, inputs)), np.zeros((neurons, 1))]


def forward(net, x):
    outs = [x]
    for W, b in net:
        outs.append(sigmoid(np.dot(W, outs[-1]) + b))
    return outs


def cost_value(Y_hat, Y):
    m = Y_hat.shape[1]
    cost = -1 / m * (np.dot(Y, np.log(Y_hat).T) + np.dot(1 - Y, np.log(1 - Y_hat).T))
    return np.squeeze(cost)


def backward(net, outs, Y):
    """gradients of the mean log loss, as a list of [dW, db]"""
    n = Y.shape[1]
    grads = [None] * len(net)
    delta = (outs[-1] - Y) / n
    for k in range(len(net) - 1, -1, -1):
        grads[k] = [delta.dot(outs[k].T), delta.sum(axis=1, keepdims=True)]
        delta = net[k][0].T.dot(delta) * outs[k] * (1 - outs[k])
    return grads


gen = np.random.default_rng(8)
# two moons, more or less
t = gen.uniform(0, np.pi, 60)
upper = np.arange(60) % 2 == 0
X = np.where(upper, np.vstack((np.cos(t), np.sin(t))), np.vstack((1 - np.cos(t), 0.4 - np.sin(t))))
X = X + 0.05 * gen.standard_normal(X.shape)
Y = upper[np.newaxis, :].astype(float)

net = [make_layer(6, 2, gen), make_layer(1, 6, gen)]
history = []
for epoch in range(800):
    outs = forward(net, X)
    history.append(cost_value(outs[-1], Y))
    for layer, grad in zip(net, backward(net, outs, Y)):
        layer[0] -= 2.0 * grad[0]
        layer[1] -= 2.0 * grad[1]
    if epoch % 200 == 0:
        print("epoch", epoch, "cost", history[-1])

guess = forward(net, X)[-1] > 0.5
print("right:", np.mean(guess == (Y > 0.5)))
