import numpy as np

rng = np.random.RandomState(303)


def soft(z):
    e = np.exp(z - z.max())
    return e / e.sum()


def fit(samples, labels, rounds, eta):
    w = np.zeros((samples.shape[1] + 1, 2))
    track = []
    for r in range(rounds):
        loss = 0
        for s, l in zip(samples, labels):
            v = np.append(1, s)            # constant input
            p = soft(np.dot(v, w))
            loss -= np.log(p[l])
            p[l] -= 1
            w -= eta * np.outer(v, p)
        track.append(loss / len(samples))
    return w, track


def predict(w, s):
    return soft(np.dot(np.append(1, s), w))


# spam or not: exclamation marks, capitals, length
mails = rng.uniform(0, 1, (80, 3))
spam = (mails[:, 0] + mails[:, 1] - 0.5 * mails[:, 2] > 0.7).astype(int)

w, track = fit(mails, spam, 30, 0.3)
print("loss %.3f -> %.3f" % (track[0], track[-1]))

sure = [predict(w, m)[k] for m, k in zip(mails, spam)]
print("mean probability of the right answer: %.3f" % np.mean(sure))
print("a new mail:", predict(w, np.array([0.9, 0.8, 0.1])).round(3))
