import random
from collections import deque
import numpy as np

random.seed(3)
np.random.seed(3)
N = 6            # corridor, goal at the right end, a pit at the left


class Corridor:
    def reset(self):
        self.s = random.randint(1, N - 2)
        return self.s

    def step(self, a):
        self.s += 1 if a == 1 else -1
        if self.s == N - 1:
            return self.s, 1.0, True
        if self.s == 0:
            return self.s, -1.0, True
        return self.s, -0.02, False


class QNet:
    def __init__(self):
        self.W1, self.b1 = np.random.randn(N, 16) * .3, np.zeros(16)
        self.W2, self.b2 = np.random.randn(16, 2) * .3, np.zeros(2)

    def __call__(self, s):
        self.x = np.eye(N)[s]
        self.h = np.maximum(0, self.x @ self.W1 + self.b1)
        return self.h @ self.W2 + self.b2

    def copy_from(self, other):
        for k in ('W1', 'b1', 'W2', 'b2'):
            setattr(self, k, getattr(other, k).copy())


def train_batch(q, target, batch, lr=0.1, gamma=0.95):
    s, a, r, s2, done = map(np.array, zip(*batch))
    # bootstrap value from the frozen net: a constant, no gradient through it
    y = r + gamma * (1 - done) * target(s2).max(axis=1)
    values = q(s)
    td = values[np.arange(len(a)), a] - y
    loss = 0.5 * np.mean(td ** 2)
    dq = np.zeros_like(values)
    dq[np.arange(len(a)), a] = td / len(a)       # only the action that was taken
    dW2, db2 = q.h.T @ dq, dq.sum(0)
    dh = dq @ q.W2.T * (q.h > 0)
    dW1, db1 = q.x.T @ dh, dh.sum(0)
    for k, g in (('W1', dW1), ('b1', db1), ('W2', dW2), ('b2', db2)):
        setattr(q, k, getattr(q, k) - lr * np.clip(g, -1, 1))
    return loss


env, q, target = Corridor(), QNet(), QNet()
target.copy_from(q)
memory, steps, losses = deque(maxlen=400), 0, []
for episode in range(200):
    s, done, eps = env.reset(), False, max(0.05, 1 - episode / 100)
    while not done:
        a = random.randrange(2) if random.random() < eps else int(q([s])[0].argmax())
        s2, r, done = env.step(a)
        memory.append((s, a, r, s2, float(done)))
        s = s2
        steps += 1
        if len(memory) >= 32:
            losses.append(train_batch(q, target, random.sample(memory, 32)))
        if steps % 50 == 0:
            target.copy_from(q)
    if episode % 50 == 49:
        print(episode + 1, "td loss %.5f" % np.mean(losses[-50:]))
print("greedy policy", q(np.arange(N)).argmax(1)[1:-1])
