import numpy as np

rng = np.random.default_rng(210)

text = ("rain falls on the river the river runs to the sea the sea feeds the cloud "
        "the cloud brings rain and rain fills the river").split()
vocabulary = sorted(set(text))
number = {word: i for i, word in enumerate(vocabulary)}
tokens = [number[w] for w in text]

V, D = len(vocabulary), 6
word_vectors = rng.normal(size=(V, D)) * 0.4
context_vectors = rng.normal(size=(V, D)) * 0.4


def sigma(z):
    return 1 / (1 + np.exp(-z))


def train_pair(word, context, others, rate):
    """one true context and a few words drawn at random"""
    w = word_vectors[word].copy()
    ids = np.array([context, *others])
    labels = np.zeros(len(ids))
    labels[0] = 1
    g = sigma(context_vectors[ids] @ w) - labels
    grad_w = g @ context_vectors[ids]
    np.subtract.at(context_vectors, ids, rate * np.outer(g, w))
    word_vectors[word] -= rate * grad_w


for epoch in range(60):
    for at in range(len(tokens)):
        for near in (at - 2, at - 1, at + 1, at + 2):
            if 0 <= near < len(tokens):
                others = rng.choice(V, 3, replace=False)
                others = others[others != tokens[near]]
                train_pair(tokens[at], tokens[near], others, 0.05)

unit = word_vectors / np.linalg.norm(word_vectors, axis=1, keepdims=True)
nearest = np.argsort(-(unit @ unit.T), axis=1)[:, 1]
for word in ("rain", "river", "sea"):
    print(word, "->", vocabulary[nearest[number[word]]])
