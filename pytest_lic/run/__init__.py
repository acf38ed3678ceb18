"""One run: its codecs, measurements, curves and processes, and what it does to the baselines."""
