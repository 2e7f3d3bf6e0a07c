import numpy as np


def sig(a):
    return 1 / (1 + np.exp(-a))


class LSTM:
    gates = ('f', 'i', 'g', 'o')

    def __init__(self, n_letters, n_cells):
        self.n, self.k = n_letters, n_cells
        s = 1 / np.sqrt(n_letters + n_cells)
        self.W = {q: np.random.uniform(-s, s, (n_cells, n_cells + n_letters)) for q in self.gates}
        self.b = {q: np.zeros((n_cells, 1)) for q in self.gates}
        self.Wy = np.random.uniform(-s, s, (n_letters, n_cells))

    def letter(self, index):
        x = np.zeros(self.n)
        x[index] = 1
        return x

    def run(self, indices):
        """forward through the word; remembers everything in self.steps"""
        h, c = np.zeros((self.k, 1)), np.zeros((self.k, 1))
        self.steps = []
        loss = 0
        for now, following in zip(indices[:-1], indices[1:]):
            joined = np.concatenate((h, self.letter(now)))
            raw = {q: self.W[q] @ joined + self.b[q] for q in self.gates}
            act = {q: np.tanh(raw[q]) if q == 'g' else sig(raw[q]) for q in self.gates}
            c_old, c = c, act['f'] * c + act['i'] * act['g']
            h = act['o'] * np.tanh(c)
            y = self.Wy @ h
            p = np.exp(y) / np.sum(np.exp(y))
            loss += -np.log(p[following, 0])
            self.steps.append((joined, act, c_old, c, h, p, following))
        return loss

    def back(self):
        dW = {q: np.zeros_like(self.W[q]) for q in self.gates}
        db = {q: np.zeros_like(self.b[q]) for q in self.gates}
        dWy = np.zeros_like(self.Wy)
        dh_next, dc_next = np.zeros((self.k, 1)), np.zeros((self.k, 1))
        for joined, a, c_old, c, h, p, following in reversed(self.steps):
            dy = p.copy()
            dy[following] -= 1
            dWy += dy @ h.T
            dh = self.Wy.T @ dy + dh_next
            dc = dh * a['o'] * (1 - np.tanh(c) ** 2) + dc_next
            d = {'o': dh * np.tanh(c), 'f': dc * c_old, 'i': dc * a['g'], 'g': dc * a['i']}
            d_joined = 0
            for q in self.gates:
                d[q] = d[q] * ((1 - a[q] ** 2) if q == 'g' else a[q] * (1 - a[q]))
                dW[q] += d[q] @ joined.T
                db[q] += d[q]
                d_joined = d_joined + self.W[q].T @ d[q]
            dh_next, dc_next = d_joined[:self.k], dc * a['f']
        return dW, db, dWy


np.random.seed(101)
word = "banana_bandana_"
letters = sorted(set(word))
indices = [letters.index(ch) for ch in word + word[0]]

lstm = LSTM(len(letters), 8)
curve = []
for it in range(120):
    curve.append(lstm.run(indices) / len(word))
    dW, db, dWy = lstm.back()
    for q in lstm.gates:
        lstm.W[q] -= 0.15 * dW[q]
        lstm.b[q] -= 0.15 * db[q]
    lstm.Wy -= 0.15 * dWy
print("loss per letter %.3f -> %.3f" % (curve[0], curve[-1]))
