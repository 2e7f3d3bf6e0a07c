# CBOW with a full softmax, Adagrad, sparse embedding gradient through np.add.at
import numpy as np

text = ("the king rules the land and the queen rules the sea while the farmer tills the land "
        "and the sailor sails the sea the king loves the queen and the farmer feeds the king").split()
vocab = sorted(set(text))
word2id = {w: i for i, w in enumerate(vocab)}
ids = np.array([word2id[w] for w in text])
V, D, win = len(vocab), 10, 2

contexts, targets = [], []
for i in range(win, len(ids) - win):
    contexts.append([ids[i - 2], ids[i - 1], ids[i + 1], ids[i + 2]])
    targets.append(ids[i])
contexts, targets = np.array(contexts), np.array(targets)

rng = np.random.RandomState(11)
emb = rng.uniform(-.5, .5, (V, D))
out = rng.uniform(-.5, .5, (D, V))
cache_emb = np.zeros_like(emb)
cache_out = np.zeros_like(out)

for epoch in range(60):
    perm = rng.permutation(len(targets))
    total = 0.0
    for s in range(0, len(perm), 8):
        idx = perm[s:s + 8]
        c, t = contexts[idx], targets[idx]
        B = len(idx)
        h = emb[c].mean(axis=1)
        logits = h @ out
        logits -= logits.max(axis=1, keepdims=True)
        p = np.exp(logits)
        p /= p.sum(axis=1, keepdims=True)
        total += -np.log(p[np.arange(B), t]).sum()

        p[np.arange(B), t] -= 1          # p is now the error
        p /= B
        d_out = h.T @ p
        d_h = p @ out.T
        d_emb = np.zeros_like(emb)
        # the same word may stand twice in one window, so add, never assign
        np.add.at(d_emb, c, d_h[:, None, :] / c.shape[1])

        cache_emb += d_emb ** 2
        cache_out += d_out ** 2
        emb -= 0.3 * d_emb / (np.sqrt(cache_emb) + 1e-8)
        out -= 0.3 * d_out / (np.sqrt(cache_out) + 1e-8)
    if epoch % 15 == 0:
        print("epoch", epoch, "nll", round(total / len(targets), 4))
print("final nll %.4f" % (total / len(targets)))
