import numpy as np


class Recognizer(object):
    def __init__(self, features, hidden, classes):
        self.W1 = np.random.standard_normal((hidden, features)) / np.sqrt(features)
        self.b1 = np.zeros(hidden)
        self.W2 = np.random.standard_normal((classes, hidden)) / np.sqrt(hidden)
        self.b2 = np.zeros(classes)

    def ask(self, x):
        self.hid = np.maximum(np.inner(self.W1, x) + self.b1, 0)
        score = np.inner(self.W2, self.hid) + self.b2
        score -= score.max()
        return np.exp(score) / np.exp(score).sum()

    def learn(self, x, label, rate):
        prob = self.ask(x)
        loss = -np.log(prob[label])
        prob[label] -= 1                       # softmax + cross entropy
        back = np.inner(self.W2, prob)
        back[self.hid <= 0] = 0
        self.W2 -= rate * np.outer(prob, self.hid)
        self.b2 -= rate * prob
        self.W1 -= rate * np.outer(back, x)
        self.b1 -= rate * back
        return loss


np.random.seed(2)
letters = {
    "L": [1, 0, 0, 1, 0, 0, 1, 1, 1],
    "T": [1, 1, 1, 0, 1, 0, 0, 1, 0],
    "O": [1, 1, 1, 1, 0, 1, 1, 1, 1],
}
names = sorted(letters)
brain = Recognizer(9, 6, len(names))

total = []
for rounds in range(60):
    s = 0.0
    for k, name in enumerate(names):
        noisy = np.array(letters[name]) + 0.2 * np.random.standard_normal(9)
        s += brain.learn(noisy, k, 0.1)
    total.append(s / len(names))

print("loss", total[0], "->", total[-1])
for name in names:
    print(name, names[int(np.argmax(brain.ask(np.array(letters[name]))))])
