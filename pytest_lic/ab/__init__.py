"""Two commits of a project compared on this machine, in one run.

checkout    each side in a folder of its own, installed without dependencies
worker      the script that codes and takes times in a side's process
side        the parent's view of such a process
estimate    paired times → ratio, interval, verdict
comparison  which cells are measured when, and until when
result      what came out
"""
