"""What is printed when a run has ended.

summary         regressions, then a table for each family and setting
conformance     how old bitstreams decode
costs           what coding costs
progressive     what parts of streams give
environments    the matrix of simulated environments
hostile         why a codec fails over damaged bitstreams
text            lines and tables drawn by rich
times           how warm-ups went, and what could not be compared
"""
