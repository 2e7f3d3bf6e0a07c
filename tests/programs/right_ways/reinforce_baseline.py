""" Karpathy-style REINFORCE on a toy catch game, running-mean baseline, RMSProp *ascent*. """
import numpy as np

np.random.seed(1)
SIZE, H, batch_size, gamma, decay = 5, 16, 10, 0.97, 0.95
model = {'W1': np.random.randn(H, 3) / np.sqrt(3), 'W2': np.random.randn(H) / np.sqrt(H)}
grad_buffer = {k: np.zeros_like(v) for k, v in model.items()}
rmsprop_cache = {k: np.zeros_like(v) for k, v in model.items()}
baseline = 0.0


def policy_forward(x):
    h = np.dot(model['W1'], x)
    h[h < 0] = 0
    p = 1.0 / (1.0 + np.exp(-np.dot(model['W2'], h)))
    return p, h


def policy_backward(epx, eph, epdlogp):
    dW2 = np.dot(eph.T, epdlogp)
    dh = np.outer(epdlogp, model['W2'])
    dh[eph <= 0] = 0
    dW1 = np.dot(dh.T, epx)
    return {'W1': dW1, 'W2': dW2}


def discount(r):
    out, acc = np.zeros(len(r)), 0.0
    for t in reversed(range(len(r))):
        acc = acc * gamma + r[t]
        out[t] = acc
    return out


scores = []
for episode in range(1, 1001):
    ball, paddle = np.random.randint(SIZE), np.random.randint(SIZE)
    xs, hs, dlogps, drs = [], [], [], []
    for row in range(SIZE):
        x = np.array([(ball - paddle) / 2., row / 4. - .5, 1.0])
        p, h = policy_forward(x)
        y = 1 if np.random.rand() < p else 0          # 1: right, 0: left
        xs.append(x); hs.append(h)
        dlogps.append(y - p)                          # d log pi / d logit: ascent, hence the sign
        paddle = min(SIZE - 1, max(0, paddle + (1 if y else -1)))
        drs.append(0.0)
    drs[-1] = 1.0 if abs(ball - paddle) <= 1 else -1.0
    scores.append(drs[-1])

    ret = discount(drs)
    adv = ret - baseline
    baseline = 0.99 * baseline + 0.01 * ret.mean()
    grad = policy_backward(np.vstack(xs), np.vstack(hs), np.array(dlogps) * adv)
    for k in model:
        grad_buffer[k] += grad[k]

    if episode % batch_size == 0:
        for k, v in model.items():
            g = grad_buffer[k]
            rmsprop_cache[k] = decay * rmsprop_cache[k] + (1 - decay) * g ** 2
            model[k] += 0.02 * g / (np.sqrt(rmsprop_cache[k]) + 1e-5)
            grad_buffer[k] = np.zeros_like(v)
    if episode % 200 == 0:
        print('ep %d reward mean: %.3f baseline %.3f' % (episode, np.mean(scores[-200:]), baseline))
