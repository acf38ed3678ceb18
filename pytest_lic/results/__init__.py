"""What a run found out: values, their file, and two runs side by side.

results         the values, from which reports are drawn
crop            a piece of an image before and after coding
json_file       the results as one file, and read back from it
schema          what that file may hold, and its JSON Schema
recorded_run    a results file, or a folder of baselines, as the results of a run
two_runs        what became better or worse from one run to another
"""
