import numpy as np

np.random.seed(44)


class Linear:
    def __init__(self, n_in, n_out):
        self.weight = np.random.randn(n_in, n_out) * np.sqrt(2.0 / n_in)
        self.bias = np.zeros((1, n_out))

    def forward(self, x):
        self.x = x
        return x @ self.weight + self.bias

    def backward(self, dout):
        self.dweight = self.x.T @ dout
        self.dbias = dout.sum(axis=0, keepdims=True)
        return dout @ self.weight.T


class ReLU:
    def forward(self, x):
        self.x = x
        return np.maximum(x, 0)

    def backward(self, dout):
        dx = dout.copy()
        dx[dx <= 0] = 0
        return dx


class SoftmaxLoss:
    def forward(self, scores, labels):
        shifted = scores - scores.max(axis=1, keepdims=True)
        self.probs = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
        self.labels = labels
        return -np.log(self.probs[np.arange(len(labels)), labels]).mean()

    def backward(self):
        dscores = self.probs.copy()
        dscores[np.arange(len(self.labels)), self.labels] -= 1
        return dscores / len(self.labels)


# three overlapping clouds
labels = np.random.randint(0, 3, 150)
centres = np.array([[0, 1.2], [1.0, -0.6], [-1.0, -0.6]])
x = centres[labels] + 0.5 * np.random.randn(150, 2)

net = [Linear(2, 10), ReLU(), Linear(10, 8), ReLU(), Linear(8, 3)]
criterion = SoftmaxLoss()
curve = []
for epoch in range(150):
    out = x
    for layer in net:
        out = layer.forward(out)
    curve.append(criterion.forward(out, labels))
    grad = criterion.backward()
    for layer in reversed(net):
        grad = layer.backward(grad)
    for layer in net:
        if isinstance(layer, Linear):
            layer.weight -= 0.2 * layer.dweight
            layer.bias -= 0.2 * layer.dbias
    if epoch % 30 == 0:
        print("epoch", epoch, "loss %.4f" % curve[-1])
