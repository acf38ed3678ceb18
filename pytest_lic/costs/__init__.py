"""What coding costs: operations and weights, which no clock's noise touches.

operations      multiply-accumulates of a piece of work, stage by stage
complexity      operations and weights of a codec, and the comparison with what is recorded
"""
