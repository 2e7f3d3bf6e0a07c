import numpy as np

np.random.seed(31)

layers = [3, 5, 2]

# all the weights in one place
W = np.array([np.random.randn(a, b) * 0.5 for a, b in zip(layers[:-1], layers[1:])])
B = [np.zeros(n) for n in layers[1:]]


def forward(x):
    acts = [x]
    for w, b in zip(W, B):
        acts.append(np.tanh(np.dot(acts[-1], w) + b))
    return acts


def backward(acts, t):
    dW, dB = [], []
    d = (acts[-1] - t) * (1 - acts[-1] ** 2) / len(t)
    for i in reversed(range(len(B))):
        dW.insert(0, np.dot(acts[i].T, d))
        dB.insert(0, np.sum(d, axis=0))
        d = np.dot(d, W[i].T) * (1 - acts[i] ** 2)
    return dW, dB


def train(x, t, eta):
    acts = forward(x)
    dW, dB = backward(acts, t)
    for i in range(len(B)):
        W[i] -= eta * dW[i]
        B[i] -= eta * dB[i]
    return np.sum((acts[-1] - t) ** 2) / (2 * len(t))


# two switches and a dimmer decide about two lamps
x = np.random.uniform(-1, 1, (60, 3))
t = np.column_stack((np.where(x[:, 0] > x[:, 1], 0.8, -0.8), 0.6 * x[:, 2]))

loss = []
for e in range(400):
    loss.append(train(x, t, 0.5))
    if e % 100 == 0:
        print("%4d %.4f" % (e, loss[-1]))
print("end  %.4f" % loss[-1])
