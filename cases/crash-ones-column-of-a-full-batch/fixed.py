import numpy as np

np.random.seed(14)

batch_size = 20
lr = 0.4


def with_ones(a):
    # the bias is row 0 of every weight matrix, so put a 1 in front of each sample
    return np.concatenate((np.ones((len(a), 1)), a), axis=1)


def forward(batch, weights):
    """returns the inputs of every layer (with the ones) and the prediction"""
    ins = []
    a = batch
    for w in weights[:-1]:
        a = with_ones(a)
        ins.append(a)
        a = np.tanh(a @ w)
    a = with_ones(a)
    ins.append(a)
    return ins, a @ weights[-1]


def gradients(batch, wanted, weights):
    ins, guess = forward(batch, weights)
    d = 2 * (guess - wanted) / len(batch)
    out = []
    for w, a in zip(weights[::-1], ins[::-1]):
        out.insert(0, a.T @ d)
        d = (d @ w[1:].T) * (1 - a[:, 1:] ** 2)
    return np.mean((guess - wanted) ** 2), out


# house prices: rooms, size, age, distance (all made up and already scaled)
houses = np.random.randn(205, 4)
price = (1.5 * houses[:, [1]] + np.sin(houses[:, [0]]) - 0.5 * houses[:, [3]]
         + 0.1 * np.random.randn(205, 1))

weights = [np.random.randn(5, 8) * 0.4, np.random.randn(9, 1) * 0.4]
epoch_loss = []
for epoch in range(30):
    order = np.random.permutation(len(houses))
    running = []
    for start in range(0, len(houses), batch_size):
        pick = order[start:start + batch_size]
        loss, grads = gradients(houses[pick], price[pick], weights)
        running.append(loss)
        for w, g in zip(weights, grads):
            w -= lr * g / 4
    epoch_loss.append(np.mean(running))
    if epoch % 10 == 0:
        print(f"epoch {epoch}: mse {epoch_loss[-1]:.4f}")
print(f"done, mse {epoch_loss[-1]:.4f}")
