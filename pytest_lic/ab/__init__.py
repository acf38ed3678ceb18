"""Two commits of a project compared on this machine, in one run.

checkout    each side in a folder of its own, installed without dependencies
worker      the script that codes and takes times in a side's process
side        the parent's view of such a process
estimate    paired times → ratio, interval, verdict
paired_times    pairs of fresh processes, timed in turn until the answer is clear
compare_sides   which cells are measured, and which of them timed
json_file       what came out, in a file
result      what came out
"""
