import numpy as np

np.random.seed(77)

# fahrenheit -> celsius, scaled
inputs = np.random.uniform(-1, 1, (60, 1))
targets = 0.55 * inputs - 0.2

W1 = np.random.randn(3, 1)
B1 = np.zeros((3, 1))
W2 = np.random.randn(1, 3)
B2 = np.zeros((1, 1))
lr = 0.1

loss_list = []
for epoch in range(40):
    loss = 0
    for i in range(len(inputs)):
        a0 = inputs[i].reshape(1, 1)
        y = targets[i].reshape(1, 1)

        # forward
        z1 = W1.dot(a0) + B1
        a1 = np.maximum(0.1 * z1, z1)      # leaky relu
        a2 = W2.dot(a1) + B2
        loss += np.sum(0.5 * (a2 - targets) ** 2)

        # backward
        d2 = a2 - y
        d1 = W2.T.dot(d2) * np.where(z1 > 0, 1, 0.1)
        W2 -= lr * d2.dot(a1.T)
        B2 -= lr * d2
        W1 -= lr * d1.dot(a0.T)
        B1 -= lr * d1

    loss_list.append(loss / len(inputs))
    if epoch % 8 == 0:
        print("Epoch {}: loss {:.4f}".format(epoch, loss_list[-1]))

print("Last loss: {:.5f}".format(loss_list[-1]))
