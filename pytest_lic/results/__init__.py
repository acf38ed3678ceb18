"""What a run found out: values, their file, and two runs compared.

records         what single tests leave, one class for each kind
results         all that one run found out
shard_facts     what is known of a run that is one part of a larger one
curve_judge     the verdict on a curve, from its points and their baselines
worst_images    which images are worth a crop
crop            a piece of an image before and after coding
json_file       results as a JSON file, and back
long_file       one of very many points, which stay text
schema          what that file may hold, and its JSON Schema
recorded_run    reads a results file, or a folder of baselines as one
two_runs        compares two runs
two_costs       what coding costs in both of them
"""
