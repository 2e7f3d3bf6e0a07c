"""One head of cross attention trained to copy from the position that the query points at."""
import numpy as np

rng = np.random.default_rng(19)
B, Q, K, D = 8, 4, 6, 5          # batch, query positions, source positions, width


def forward(queries, source, Wq, Wk, Wv):
    q = np.einsum('bqi,id->bqd', queries, Wq)
    k = np.einsum('bki,id->bkd', source, Wk)
    v = np.einsum('bki,id->bkd', source, Wv)
    score = np.einsum('bqd,bkd->bqk', q, k) / np.sqrt(D)
    score = score - score.max(axis=-1, keepdims=True)
    att = np.exp(score)
    att /= att.sum(axis=-1, keepdims=True)
    out = np.einsum('bqk,bkd->bqd', att, v)
    return out, (q, k, v, att)


def backward(d_out, queries, source, cache):
    q, k, v, att = cache
    d_att = np.einsum('bqd,bkd->bqk', d_out, v)
    d_v = np.einsum('bqk,bqd->bkd', att, d_out)
    # softmax
    d_score = att * (d_att - np.sum(d_att * att, axis=-1, keepdims=True)) / np.sqrt(D)
    d_q = np.einsum('bqk,bkd->bqd', d_score, k)
    d_k = np.einsum('bqk,bqd->bkd', d_score, q)
    return (np.einsum('bqi,bqd->id', queries, d_q),
            np.einsum('bki,bkd->id', source, d_k),
            np.einsum('bki,bkd->id', source, d_v))


source = rng.normal(size=(B, K, D))
pointer = rng.integers(0, K, (B, Q))
queries = np.take_along_axis(source, pointer[:, :, None], axis=1) + 0.1 * rng.normal(size=(B, Q, D))
wanted = np.take_along_axis(source, pointer[:, :, None], axis=1)

Wq, Wk, Wv = (rng.normal(size=(D, D)) * 0.4 for _ in range(3))
history = []
for step in range(200):
    out, cache = forward(queries, source, Wq, Wk, Wv)
    diff = out - wanted
    history.append(np.mean(np.sum(diff ** 2, axis=-1)))
    dWq, dWk, dWv = backward(2 * diff / (B * Q), queries, source, cache)
    Wq -= 0.1 * dWq
    Wk -= 0.1 * dWk
    Wv -= 0.1 * dWv
print("loss: %.3f -> %.3f" % (history[0], history[-1]))
