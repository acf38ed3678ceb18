"""Saved times for the terminal and as a picture.

table  latency by resolution, throughput by batch, shares of the stages
plot   latency and throughput drawn with matplotlib
"""
