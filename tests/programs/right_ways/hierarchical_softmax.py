"""Hierarchical softmax over a Huffman tree, bigram model. Inner nodes are logistic units; a word is its path of turns."""
import heapq
import itertools
import numpy as np

rng = np.random.RandomState(56)
corpus = ("to be or not to be that is the question whether it is nobler in the mind to suffer "
          "the slings and arrows of fortune or to take arms against the sea").split() * 3
vocab = sorted(set(corpus))
idx = {w: i for i, w in enumerate(vocab)}
V, D = len(vocab), 12


def huffman(freq):
    tick = itertools.count()
    heap = [(f, next(tick), ("leaf", i)) for i, f in enumerate(freq)]
    heapq.heapify(heap)
    inner = 0
    while len(heap) > 1:
        fa, _, a = heapq.heappop(heap)
        fb, _, b = heapq.heappop(heap)
        heapq.heappush(heap, (fa + fb, next(tick), ("node", inner, a, b)))
        inner += 1
    codes = {}

    def walk(node, nodes, turns):
        if node[0] == "leaf":
            codes[node[1]] = (np.array(nodes), np.array(turns, float))
            return
        walk(node[2], nodes + [node[1]], turns + [1])
        walk(node[3], nodes + [node[1]], turns + [-1])

    walk(heap[0][2], [], [])
    return codes, inner


codes, n_inner = huffman([corpus.count(w) for w in vocab])
E = rng.randn(V, D) * 0.3
NODE = np.zeros((n_inner, D))


def pair_loss(prev, nxt):
    nodes, turns = codes[nxt]
    return np.logaddexp(0, -turns * (NODE[nodes] @ E[prev])).sum()


def pair_update(prev, nxt, lr):
    nodes, turns = codes[nxt]
    h = E[prev]
    score = NODE[nodes] @ h
    g = -turns / (1 + np.exp(turns * score))      # derivative of log(1 + exp(-t s))
    grad_h = g @ NODE[nodes]
    NODE[nodes] -= lr * np.outer(g, h)            # nodes on one path are all different
    E[prev] -= lr * grad_h


seq = [idx[w] for w in corpus]
for epoch in range(40):
    for k in rng.permutation(len(seq) - 1):
        pair_update(seq[k], seq[k + 1], 0.2)
    if epoch % 8 == 7:
        print("epoch %d  nll %.4f" % (epoch + 1, np.mean([pair_loss(a, b) for a, b in zip(seq, seq[1:])])))
print("probabilities sum to %.6f" % sum(np.exp(-pair_loss(seq[0], w)) for w in range(V)))
