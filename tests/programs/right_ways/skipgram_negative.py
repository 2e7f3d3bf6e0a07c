# word2vec skip-gram with negative sampling, one pair at a time, like word2vec.c (rows updated right away)
import numpy as np
from collections import Counter

rng = np.random.default_rng(55)
sentences = [s.split() for s in """cat drinks milk
dog chews bone
cat likes milk
dog likes bone
kitten drinks milk
puppy chews bone
kitten likes milk
puppy likes bone""".splitlines()]
counts = Counter(w for s in sentences for w in s)
words = sorted(counts)
index = {w: i for i, w in enumerate(words)}
V, D, NEG = len(words), 6, 4
noise = np.array([counts[w] for w in words]) ** 0.75
noise /= noise.sum()

w_in = (rng.random((V, D)) - 0.5) / D
w_out = np.zeros((V, D))
pairs = [(index[a], index[b]) for s in sentences for i, a in enumerate(s) for j, b in enumerate(s) if i != j]


def sigmoid(u):
    return 1 / (1 + np.exp(-u))


alpha0, n_epochs = 0.15, 60
for epoch in range(n_epochs):
    alpha = alpha0 * (1 - epoch / n_epochs) + 1e-3
    total = 0.0
    for k in rng.permutation(len(pairs)):
        centre, context = pairs[k]
        neu1e = np.zeros(D)
        samples = [(context, 1)]
        for neg in rng.choice(V, NEG, p=noise):
            if neg != context:                      # a drawn target is skipped, as in the C code
                samples.append((neg, 0))
        for word, label in samples:
            f = sigmoid(w_in[centre] @ w_out[word])
            total -= np.log(f if label else 1 - f)
            g = (label - f) * alpha
            neu1e += g * w_out[word]                # before w_out changes
            w_out[word] += g * w_in[centre]
        w_in[centre] += neu1e
    if epoch % 15 == 0 or epoch == n_epochs - 1:
        print("epoch %2d  loss per pair %.4f" % (epoch, total / len(pairs)))

unit = w_in / np.linalg.norm(w_in, axis=1, keepdims=True)
for w in ("cat", "dog"):
    sim = unit @ unit[index[w]]
    print(w, "->", [words[i] for i in np.argsort(-sim)[1:3]])
