import numpy as np

np.random.seed(76)

sentences = [
    "the cat sat on the mat", "the dog sat on the log", "a cat and a dog",
    "the mat and the log", "on the log the cat", "a dog on a mat",
]
words = sorted({w for s in sentences for w in s.split()})
index = {w: i for i, w in enumerate(words)}
animals = np.array([float("cat" in s) - float("dog" in s) for s in sentences])

V, E, H = len(words), 4, 5
table = np.random.randn(V, E) * 0.5
W = np.random.randn(E, H) * 0.5
b = np.zeros(H)
v = np.random.randn(H) * 0.5


def forward(ids):
    vectors = table[ids]
    mean = vectors.mean(axis=0)
    hidden = np.tanh(mean @ W + b)
    return mean, hidden, hidden @ v


def backward(ids, mean, hidden, score, target):
    d_score = score - target
    d_v = d_score * hidden
    d_hidden = d_score * v * (1 - hidden ** 2)
    d_W = np.outer(mean, d_hidden)
    d_b = d_hidden
    d_mean = W @ d_hidden
    d_table = np.zeros_like(table)
    for i in ids:
        d_table[i] = d_mean / len(ids)
    return d_table, d_W, d_b, d_v


losses = []
for epoch in range(120):
    loss = 0.0
    for sentence, target in zip(sentences, animals):
        ids = [index[w] for w in sentence.split()]
        mean, hidden, score = forward(ids)
        loss += 0.5 * (score - target) ** 2
        d_table, d_W, d_b, d_v = backward(ids, mean, hidden, score, target)
        table -= 0.2 * d_table
        W -= 0.2 * d_W
        b -= 0.2 * d_b
        v -= 0.2 * d_v
    losses.append(loss)
    if epoch % 30 == 0:
        print("epoch %3d  loss %.4f" % (epoch, loss))
