import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # workers and the processes that they start share the cores
