import numpy as np

sentences = [
    "the king rules the land", "the queen rules the land", "a king wears a crown",
    "a queen wears a crown", "the farmer works the land", "a farmer wears a hat",
]
words = sorted({w for s in sentences for w in s.split()})
idx = {w: i for i, w in enumerate(words)}
DIM = 5
NEG = 3

np.random.seed(3)
W_in = np.random.uniform(-0.5, 0.5, (len(words), DIM))
W_out = np.zeros((len(words), DIM))


def sig(u):
    return 1.0 / (1.0 + np.exp(-u))


def train_pair(center, context, negatives, lr):
    """skip-gram: pull the context word, push the negatives"""
    h = W_in[center]
    ids = np.array([context] + list(negatives))
    label = np.array([1.0] + [0.0] * len(negatives))

    p = sig(W_out[ids] @ h)
    loss = -np.log(p[0]) - np.sum(np.log(1 - p[1:]))

    err = p - label
    grad_h = err @ W_out[ids]
    # the same word may be drawn twice
    np.subtract.at(W_out, ids, lr * np.outer(err, h))
    W_in[center] -= lr * grad_h
    return loss


def pairs():
    for s in sentences:
        toks = [idx[w] for w in s.split()]
        for i, c in enumerate(toks):
            for j in (i - 1, i + 1):
                if 0 <= j < len(toks):
                    yield c, toks[j]


epoch_losses = []
for epoch in range(60):
    losses = []
    for c, o in pairs():
        neg = np.random.randint(0, len(words), NEG)
        losses.append(train_pair(c, o, neg, 0.1))
    epoch_losses.append(np.mean(losses))
    if epoch % 15 == 0:
        print("epoch", epoch, "loss", epoch_losses[-1].round(3))

unit = W_in / np.linalg.norm(W_in, axis=1, keepdims=True)
near = unit @ unit[idx["king"]]
print("closest to king:", [words[i] for i in np.argsort(-near)[1:4]])
