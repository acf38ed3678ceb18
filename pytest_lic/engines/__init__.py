"""The shards of a run as tasks of an engine, which finds machines for them.

task           one shard: a pytest process, and what became of it
engine         what an engine does, and what it may say of a shard
end_with_parent  runs a program that ends when its parent does
local          the engine on this machine: so many processes side by side
ray_cluster    on a Ray cluster
ray_driver     the process that is Ray's driver
slurm          on a SLURM cluster, through submitit
work_folder    the results that have arrived, kept until all are there
drive          all shards to their end: tried again, given up, kept
lost           results of a shard that was given up, in which all its tests failed
"""
