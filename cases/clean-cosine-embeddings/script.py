"""pull synonyms together, push antonyms apart: cosine similarity of word vectors"""
import numpy as np

vocabulary = ["big", "large", "small", "tiny", "hot", "warm", "cold", "chilly"]
same = [("big", "large"), ("small", "tiny"), ("hot", "warm"), ("cold", "chilly")]
opposite = [("big", "small"), ("large", "tiny"), ("hot", "cold"), ("warm", "chilly"), ("big", "tiny")]

ids = {w: i for i, w in enumerate(vocabulary)}
left = np.array([ids[a] for a, _ in same + opposite])
right = np.array([ids[b] for _, b in same + opposite])
wanted = np.array([1.0] * len(same) + [-1.0] * len(opposite))


def unit(rows):
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / length, length


def loss_and_grad(E):
    u, lu = unit(E[left])
    v, lv = unit(E[right])
    cos = (u * v).sum(axis=1)
    loss = 0.5 * np.mean((cos - wanted) ** 2)

    d = ((cos - wanted) / len(wanted))[:, None]
    du = d * (v - cos[:, None] * u) / lu
    dv = d * (u - cos[:, None] * v) / lv
    grad = np.zeros_like(E)
    np.add.at(grad, left, du)
    np.add.at(grad, right, dv)
    return loss, grad


E = np.random.RandomState(6).randn(len(vocabulary), 3)
history = []
for it in range(150):
    loss, grad = loss_and_grad(E)
    E -= 2.0 * grad
    history.append(loss)
print("loss %.3f -> %.3f" % (history[0], history[-1]))
near, _ = unit(E)
print("cos(big, large) = %.2f   cos(big, small) = %.2f" % (near[0] @ near[1], near[0] @ near[2]))
