import numpy as np


class Net:
    def __init__(self):
        r = np.random.RandomState(7)
        self.w = [r.randn(4, 9) * 0.5, r.randn(9, 3) * 0.4]

    def forward(self, x):
        self.x = x
        self.a = np.maximum(0, x.dot(self.w[0]))
        z = self.a.dot(self.w[1])
        z = np.exp(z - z.max(axis=1, keepdims=True))
        self.probs = z / z.sum(axis=1, keepdims=True)
        return self.probs

    def backward(self, onehot):
        n = onehot.shape[0]
        dz = (self.probs - onehot) / n
        grad_out = self.a.T.dot(dz)
        da = dz.dot(self.w[1].T)
        da[self.a <= 0] = 0
        return [self.x.T.dot(da), grad_out]

    def score(self, x, labels):
        return np.mean(self.forward(x).argmax(axis=1) == labels)


r = np.random.RandomState(8)
labels = r.randint(0, 3, 90)
features = np.eye(4)[labels] * 1.5 + r.randn(90, 4)
train_x, train_l = features[:60], labels[:60]
valid_x, valid_l = features[60:], labels[60:]
onehot = np.eye(3)[train_l]

net = Net()
accuracies, losses = [], []
for epoch in range(120):
    probs = net.forward(train_x)
    losses.append(-np.mean(np.sum(onehot * np.log(probs), axis=1)))
    grads = net.backward(onehot)
    accuracies.append(net.score(valid_x, valid_l))
    for k in range(2):
        net.w[k] -= 0.5 * grads[k]
    if epoch % 30 == 0:
        print("epoch %3d  loss %.3f  validation accuracy %.2f" % (epoch, losses[-1], accuracies[-1]))
print("last loss %.3f" % losses[-1])
