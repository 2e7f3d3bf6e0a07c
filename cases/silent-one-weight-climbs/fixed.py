import math
import random

random.seed(5)

# y = a * tanh(b * x + c) + d, learned one sample at a time
a, b, c, d = 0.5, 0.8, 0.0, 0.0
rate = 0.05
data = []
for _ in range(60):
    x = random.uniform(-2, 2)
    data.append((x, 1.2 * math.tanh(1.5 * x - 0.4) + 0.3))

history = []
for epoch in range(60):
    total = 0.0
    for x, y in data:
        t = math.tanh(b * x + c)
        out = a * t + d
        err = out - y
        total += err * err / 2
        g_a = err * t
        g_t = err * a * (1 - t * t)
        a = a - rate * g_a
        d = d - rate * err
        b = b - rate * g_t * x
        c = c - rate * g_t
    history.append(total / len(data))
    if epoch % 15 == 0:
        print("epoch", epoch, "loss", round(history[-1], 5))
print("a=%.3f b=%.3f c=%.3f d=%.3f" % (a, b, c, d))
