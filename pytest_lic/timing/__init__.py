"""The timing suite: clocks, warm-up, stages, memory, and saved times."""
