import numpy as np

rng = np.random.default_rng(201)


def scores(p, docs):
    h = np.tanh(docs @ p["A"] + p["a"])
    return h, (h @ p["B"]).ravel()


def ranknet(p, docs, relevance):
    """logistic loss over all ordered pairs of documents"""
    h, s = scores(p, docs)
    gap = s[:, None] - s[None, :]
    better = (relevance[:, None] > relevance[None, :]).astype(float)
    pairs = better.sum()
    loss = np.sum(better * np.log1p(np.exp(-gap))) / pairs

    lam = -better / (1 + np.exp(gap)) / pairs      # dloss / dgap
    ds = lam.sum(axis=1) - lam.sum(axis=0)
    dB = h.T @ ds[:, None]
    dh = ds[:, None] * p["B"].T * (1 - h ** 2)
    return loss, {"A": docs.T @ dh, "a": dh.sum(axis=0), "B": dB}


docs = rng.normal(size=(30, 4))
relevance = np.digitize(docs[:, 0] - docs[:, 1] * docs[:, 2], [-1, 0, 1])

p = {"A": rng.normal(size=(4, 6)) * 0.5, "a": np.zeros(6), "B": rng.normal(size=(6, 1)) * 0.5}
history = []
for it in range(400):
    loss, g = ranknet(p, docs, relevance)
    history.append(loss)
    for k in p:
        p[k] -= 1.0 * g[k]
_, s = scores(p, docs)
ok = (s[:, None] > s)[relevance[:, None] > relevance].mean()
print("loss %.3f -> %.3f, pairs in order: %.2f" % (history[0], history[-1], ok))
