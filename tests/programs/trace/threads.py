"""Threads, processes by fork and deep recursion while the main thread records."""
import queue
import sys
import threading

import numpy as np

results = queue.Queue()


def work(k):
    x = np.ones((3, 3)) * k
    for _ in range(200):
        x = (x @ np.eye(3)) * 1.0 + (x.T - x)
        x[0] += 0
        x += 0
    results.put((k, x.sum()))


threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
y = np.zeros(3)
for t in threads:
    t.start()
for i in range(2000):
    y = (y + 1) * 1.0 - (y * 0)
    y[1] = y[0] * 2
for t in threads:
    t.join()
print(sorted(results.get() for _ in range(4)), y)
lock = threading.Lock()
local = threading.local()
local.x = np.ones(2)
local.x += 1
print(local.x)
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(2) as pool:
    print(list(pool.map(lambda v: (np.ones(2) * v).sum() + v, range(5))))


def depth(n):
    try:
        return depth(n + 1)
    except RecursionError:
        return n


reached = depth(1)
print(reached > sys.getrecursionlimit() - 100)


def down(n, x):
    if n == 0:
        return x * 2
    return down(n - 1, x)


print(down(reached - 40, np.ones(2)))
