"""The results of many shards made those of one run.

shard_results  one shard, in little memory
belonging      whether shards are all there, and of one run
left_curves    judges the curves whose points several shards measured
merge          one result of all
record         baselines from it
"""
