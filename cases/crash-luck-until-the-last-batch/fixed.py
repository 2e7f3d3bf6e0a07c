import numpy as np

np.random.seed(12)
K = 4          # north, east, south, west
BATCH = 4


def softmax(s):
    e = np.exp(s - s.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def loss_and_gradient(W, x, k):
    n = len(k)
    q = softmax(x.dot(W))
    loss = -np.log(q[range(n), k]).sum() / n
    q[range(n), k] -= 1
    return loss, x.T.dot(q) / n


# wind sensors
direction = np.random.randint(0, K, 50)
angle = direction * np.pi / 2 + 0.4 * np.random.randn(50)
x = np.column_stack((np.cos(angle), np.sin(angle), np.ones(50)))

W = np.zeros((3, K))
progress = []
for epoch in range(25):
    this_epoch = []
    for s in range(0, 50, BATCH):
        loss, g = loss_and_gradient(W, x[s:s + BATCH], direction[s:s + BATCH])
        W -= 0.3 * g
        this_epoch.append(loss)
    progress.append(sum(this_epoch) / len(this_epoch))
    if epoch % 6 == 0:
        print("epoch %2d   loss %.3f" % (epoch, progress[-1]))
print("correct: %d of 50" % np.sum(x.dot(W).argmax(axis=1) == direction))
