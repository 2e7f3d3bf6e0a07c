import numpy as np


class Walker:
    """corridor of 7 cells, the prize is on the right"""

    def __init__(self):
        self.rng = np.random.default_rng(77)
        self.theta = np.zeros((7, 2))
        self.baseline = 0.0

    def policy(self, cells):
        logits = self.theta[cells]
        e = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)

    def episode(self, limit=20):
        cells, moves, rewards = [], [], []
        cell = 3
        for _ in range(limit):
            move = int(self.rng.random() < self.policy(cell)[1])
            cells.append(cell)
            moves.append(move)
            cell = max(0, cell + (1 if move else -1))
            rewards.append(1.0 if cell == 6 else -0.05)
            if cell == 6:
                break
        return cells, moves, rewards

    def direction(self, cells, moves, advantage):
        """d/dtheta of sum advantage * log pi(move | cell)"""
        p = self.policy(cells)
        d = (np.eye(2)[moves] - p) * advantage[:, None]
        g = np.zeros_like(self.theta)
        np.add.at(g, cells, d)
        return g

    def improve(self, rate):
        cells, moves, rewards = self.episode()
        returns = np.cumsum(rewards[::-1])[::-1]
        self.theta += rate * self.direction(cells, moves, returns - self.baseline)
        self.baseline += 0.05 * (returns[0] - self.baseline)
        return sum(rewards)


walker = Walker()
totals = [walker.improve(0.2) for _ in range(300)]
print("reward of the first 30 episodes %.2f, of the last 30 %.2f" % (np.mean(totals[:30]), np.mean(totals[-30:])))
print("probability of going right:", walker.policy(np.arange(6))[:, 1].round(2))
