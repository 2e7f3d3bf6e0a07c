# Dropout as in the 2012 paper: no scaling while training, weights times p when predicting.
import numpy as np

rs = np.random.RandomState(42)
p_keep = 0.7
D, H1, H2, C = 10, 40, 30, 3

W1 = rs.randn(D, H1) * np.sqrt(2. / D)
W2 = rs.randn(H1, H2) * np.sqrt(2. / H1)
W3 = rs.randn(H2, C) * np.sqrt(2. / H2)
b1, b2, b3 = np.zeros(H1), np.zeros(H2), np.zeros(C)


def softmax(s):
    e = np.exp(s - np.max(s, axis=1, keepdims=True))
    return e / np.sum(e, axis=1, keepdims=True)


def train_step(X, y, lr):
    global W1, b1, W2, b2, W3, b3
    h1 = np.maximum(0, X.dot(W1) + b1)
    u1 = rs.rand(*h1.shape) < p_keep          # boolean masks
    h1 *= u1
    h2 = np.maximum(0, h1.dot(W2) + b2)
    u2 = rs.rand(*h2.shape) < p_keep
    h2 *= u2
    probs = softmax(h2.dot(W3) + b3)
    loss = -np.log(probs[range(len(y)), y]).mean()

    dscores = probs
    dscores[range(len(y)), y] -= 1
    dscores /= len(y)
    dW3 = h2.T.dot(dscores)
    db3 = dscores.sum(axis=0)
    dh2 = dscores.dot(W3.T)
    dh2[h2 <= 0] = 0                          # also where the mask is zero, since h2 is zero there
    dW2 = h1.T.dot(dh2)
    db2 = dh2.sum(axis=0)
    dh1 = dh2.dot(W2.T)
    dh1[h1 <= 0] = 0
    dW1 = X.T.dot(dh1)
    db1 = dh1.sum(axis=0)

    W1 -= lr * dW1; b1 -= lr * db1
    W2 -= lr * dW2; b2 -= lr * db2
    W3 -= lr * dW3; b3 -= lr * db3
    return loss


def predict(X):
    h1 = np.maximum(0, X.dot(W1) + b1) * p_keep
    h2 = np.maximum(0, h1.dot(W2) + b2) * p_keep
    return softmax(h2.dot(W3) + b3)


mix = rs.randn(D, D) * .3
lab = rs.randint(0, C, 400)
X = (rs.randn(400, D) + 2.0 * np.eye(C, D)[lab]).dot(mix)
X = (X - X[:300].mean(0)) / X[:300].std(0)
Xtr, ytr, Xte, yte = X[:300], lab[:300], X[300:], lab[300:]
for epoch in range(40):
    order = rs.permutation(300)
    running = [train_step(Xtr[k], ytr[k], 0.1) for k in np.split(order, 6)]
    if epoch % 10 == 9:
        print("epoch %d  train loss (with dropout) %.3f  test acc %.3f" % (epoch + 1, np.mean(running), (predict(Xte).argmax(1) == yte).mean()))
