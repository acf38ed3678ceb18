"""Two commits of a project compared on this machine, in one run.

absent_files   what a checkout lacks since git does not have it
bisect         the commit that moved a number, by git bisect
checkout       each side in a folder of its own, installed without dependencies
compare_sides  which cells are measured, and which of them timed
estimate       paired times → ratio, interval, verdict
json_file      the result in a file
paired_times   pairs of fresh processes, timed in turn until the answer is clear
result         the values of a comparison
side           the parent's view of a side's process
worker         what codes and takes times in that process
"""
