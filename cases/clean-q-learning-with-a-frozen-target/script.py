import numpy as np

rng = np.random.default_rng(351)
GAMMA, STATES = 0.9, 6


class QNet:
    def __init__(self):
        self.W1 = rng.normal(size=(STATES, 12)) * 0.3
        self.b1 = np.zeros(12)
        self.W2 = rng.normal(size=(12, 2)) * 0.3
        self.b2 = np.zeros(2)

    def parameters(self):
        return [self.W1, self.b1, self.W2, self.b2]

    def values(self, s):
        self.s = s
        self.h = np.maximum(0, s @ self.W1 + self.b1)
        return self.h @ self.W2 + self.b2

    def backward(self, dq):
        dh = dq @ self.W2.T
        dh[self.h <= 0] = 0
        return [self.s.T @ dh, dh.sum(axis=0), self.h.T @ dq, dq.sum(axis=0)]


def walk(position, action):
    """left and right along a corridor; the treasure is at its right end"""
    new = min(max(position + (1 if action else -1), 0), STATES - 1)
    return new, float(new == STATES - 1)


net, frozen = QNet(), QNet()
eye = np.eye(STATES)
errors = []
for step in range(600):
    if step % 50 == 0:
        for target, source in zip(frozen.parameters(), net.parameters()):
            target[...] = source
    s = rng.integers(0, STATES - 1, 16)
    a = rng.integers(0, 2, 16)
    moved, reward = np.array([walk(p, q) for p, q in zip(s, a)]).T
    moved = moved.astype(int)
    best = frozen.values(eye[moved]).max(axis=1)
    goal = reward + GAMMA * best * (reward == 0)

    q = net.values(eye[s])
    td = q[np.arange(16), a] - goal
    errors.append(0.5 * np.mean(td ** 2))
    dq = np.zeros_like(q)
    dq[np.arange(16), a] = td / 16
    for p, g in zip(net.parameters(), net.backward(dq)):
        p -= 0.2 * g
    if step % 150 == 149:
        print("step %d  temporal difference error %.5f" % (step + 1, np.mean(errors[-50:])))
print("values of going right:", net.values(eye)[:-1, 1].round(2))
