# weather stations: guess tomorrow's rain from three measurements
import numpy as np
import softreg

gen = np.random.RandomState(41)
pressure = gen.normal(0, 1, 80)
humidity = gen.normal(0, 1, 80)
wind = gen.normal(0, 1, 80)
rain = (humidity - pressure + 0.2 * gen.normal(0, 1, 80) > 0).astype(int)

X = np.vstack((pressure, humidity, wind)).T
print("measurements:", X.shape, " days:", rain.shape)

model = softreg.SoftmaxRegression(n_features=3, n_classes=2)
losses = softreg.train(model, X, rain, rate=0.5, rounds=150)

print("loss from %.3f to %.3f" % (losses[0], losses[-1]))
print("weights for 'rain':", np.round(model.W[:, 1], 2))
