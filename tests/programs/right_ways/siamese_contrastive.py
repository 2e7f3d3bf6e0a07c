# Siamese net, contrastive loss of Hadsell et al.; both twins pushed through as one stacked batch
import numpy as np

np.random.seed(28)
W1 = np.random.randn(8, 20) * 0.35
b1 = np.zeros((1, 20))
W2 = np.random.randn(20, 2) * 0.2
b2 = np.zeros((1, 2))
margin = 1.0

proto = np.random.randn(3, 8)
who = np.random.randint(0, 3, 120)
imgs = proto[who] + 0.3 * np.random.randn(120, 8)


def contrastive(z, same):
    n = len(same)
    diff = z[:n] - z[n:]
    dist = np.sqrt((diff ** 2).sum(axis=1) + 1e-12)
    hinge = np.maximum(margin - dist, 0)
    loss = np.mean(same * dist ** 2 + (1 - same) * hinge ** 2) / 2
    ddist = (same * dist - (1 - same) * hinge) / n
    ddiff = (ddist / dist)[:, None] * diff
    return loss, np.concatenate([ddiff, -ddiff])


for it in range(401):
    i, j = np.random.randint(0, 120, (2, 64))
    same = (who[i] == who[j]).astype(float)
    x = np.concatenate([imgs[i], imgs[j]])
    h = np.tanh(x @ W1 + b1)
    z = h @ W2 + b2
    loss, dz = contrastive(z, same)

    dW2 = h.T @ dz
    db2 = dz.sum(0, keepdims=True)        # is zero up to rounding: a shared shift cancels in the difference
    dh = dz @ W2.T * (1 - h ** 2)
    dW1 = x.T @ dh
    db1 = dh.sum(0, keepdims=True)

    W1 -= 0.2 * dW1
    b1 -= 0.2 * db1
    W2 -= 0.2 * dW2
    b2 -= 0.2 * db2
    if it % 100 == 0:
        print("iter %3d loss %.4f" % (it, loss))
z = np.tanh(imgs @ W1 + b1) @ W2 + b2
within = np.mean([z[who == c].std(0).mean() for c in range(3)])
print("within-class spread %.3f, overall spread %.3f" % (within, z.std(0).mean()))
