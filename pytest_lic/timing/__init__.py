"""The timing suite: clocks, warm-up, stages, memory, and saved times.

benchmarking  one cell timed in one direction, through pytest-benchmark's fixture
batches       what is coded: random images, or cut from a corpus
warm_up       rounds that are not counted
clock         a clock that waits for its device, and the device's own events
stages        which part of a codec the time goes to
peak_memory   bytes at the peak of one round
saved_runs    files of pytest-benchmark, read
series        saved times grouped for tables and plots
"""
