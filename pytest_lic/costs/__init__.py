"""What coding costs besides time: operations, weights, memory.

operations      multiply-accumulates of a piece of work, stage by stage
complexity      operations and weights of a codec, and the comparison with what is recorded
memory          peaks and growth in a process of its own, and the comparison with what is recorded
memory_child    the child's side
edits           what was done to what is recorded of both between two commits
"""
