import numpy as np

rng = np.random.RandomState(333)

# a reservoir: random and never trained; the readout alone is learned, the offset more slowly than the weights
N = 40
W_in = rng.uniform(-0.5, 0.5, (N, 1))
W_res = rng.normal(size=(N, N))
W_res *= 0.9 / np.max(np.abs(np.linalg.eigvals(W_res)))
w_out = np.zeros(N)
offset = 0.0

signal = np.sin(0.3 * np.arange(900)) * np.sin(0.071 * np.arange(900))


def run_reservoir(u):
    state, states = np.zeros(N), []
    for value in u:
        state = np.tanh(W_in[:, 0] * value + W_res @ state)
        states.append(state)
    return np.array(states)


states = run_reservoir(signal[:-1])[100:]
wanted = signal[101:]
losses = []
for epoch in range(300):
    error = states @ w_out + offset - wanted
    losses.append(0.5 * np.mean(error ** 2))
    g_w = states.T @ error / len(error)
    g_offset = error.mean()
    w_out = w_out - 0.3 * g_w
    offset = offset - 0.03 * g_offset
    if epoch % 60 == 0:
        print("epoch %3d  loss %.6f" % (epoch, losses[-1]))
print("last loss %.6f" % losses[-1])
