"""One run: its parts, and what it does to the baselines.

run             the parts together, and how they are made
shared          what the controller gives to its workers
setup           options, families and grid
preflight       what is wrong with a run as a whole, said once
codecs          the codec of a cell, its coded corpus, its timed batch
measurements    cells, from the store or measured now
curves          measured, stored, and of anchors
processes       children that code in fresh processes and decode damaged bitstreams
outside_pytest  a run for commands
one_cell        all that is known of one cell, and its images
update          updates, names and prunes the baselines when a run has ended
update_entries  the same of entries alone
update_streams  the same of kept bitstreams alone
update_costs    the same of costs alone
doubts          what looks wrong in what is recorded
stale           what is recorded and nothing asks for any more
"""
