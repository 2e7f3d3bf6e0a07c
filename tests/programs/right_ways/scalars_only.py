# A 2-2-1 network without a single matrix: plain floats, one sample at a time, as drawn on the blackboard.
import math
import random
import numpy as np

random.seed(5)
w1, w2, w3, w4 = [random.uniform(-1, 1) for _ in range(4)]
w5, w6 = [random.uniform(-1, 1) for _ in range(2)]
b1 = b2 = b3 = 0.0


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def feedforward(x):
    h1 = sigmoid(w1 * x[0] + w2 * x[1] + b1)
    h2 = sigmoid(w3 * x[0] + w4 * x[1] + b2)
    return h1, h2, sigmoid(w5 * h1 + w6 * h2 + b3)


# weight (minus 135), height (minus 66), gender -- scaled down by ten
people = np.array([[-2, -1, 1], [25, 6, 0], [17, 4, 0], [-15, -6, 1], [-7, -3, 1], [12, 8, 0]], dtype=float)
people[:, :2] /= 10
learn_rate = 0.5

for epoch in range(401):
    for x in people:
        h1, h2, o = feedforward(x)
        dL_do = -2 * (x[2] - o)
        do_dz = o * (1 - o)
        # all partial derivatives first, with the old weights
        d_w5 = dL_do * do_dz * h1
        d_w6 = dL_do * do_dz * h2
        d_b3 = dL_do * do_dz
        dL_dh1 = dL_do * do_dz * w5
        dL_dh2 = dL_do * do_dz * w6
        d_w1 = dL_dh1 * h1 * (1 - h1) * x[0]
        d_w2 = dL_dh1 * h1 * (1 - h1) * x[1]
        d_b1 = dL_dh1 * h1 * (1 - h1)
        d_w3 = dL_dh2 * h2 * (1 - h2) * x[0]
        d_w4 = dL_dh2 * h2 * (1 - h2) * x[1]
        d_b2 = dL_dh2 * h2 * (1 - h2)

        w1 -= learn_rate * d_w1; w2 -= learn_rate * d_w2; b1 -= learn_rate * d_b1
        w3 -= learn_rate * d_w3; w4 -= learn_rate * d_w4; b2 -= learn_rate * d_b2
        w5 -= learn_rate * d_w5; w6 -= learn_rate * d_w6; b3 -= learn_rate * d_b3
    if epoch % 100 == 0:
        loss = np.mean([(x[2] - feedforward(x)[2]) ** 2 for x in people])
        print("Epoch %d loss: %.5f" % (epoch, loss))
print("Emily %.3f, Frank %.3f" % (feedforward((-0.7, -0.3))[2], feedforward((2.0, 0.2))[2]))
