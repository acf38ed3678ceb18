"""pytest's side of a run: collecting, scheduling, the gates, and what comes back from workers.

collecting      finds the shipped suites, and spreads their tests over the grid
scheduler       hands tests to the workers of pytest-xdist, each network to one
gate            the fixture ``lic``: one method for each check
rate_gate       rate and quality of a cell, BD-rate of a curve, against what is recorded
milestone_gate  means and BD-rate, against what is recorded at the milestone
conformance_gate    old bitstreams decode as they did
costs_gate      what coding costs, against what is recorded
hostile_gate    damaged bitstreams do no harm
environments_gate   simulated environments decode each other's bitstreams
time_gate       times, through pytest-benchmark
availability    skip what can't run here, or fail where it is required
recorder        the records of one test, and which of them fail it
rerun_command   the command line that tests one cell or curve again
reported        what a test leaves on its report, and how that travels from a worker
controller      takes the reports of all tests; updates, writes and prints in the end
opening_lines   what a run measures, said before it starts
gather_results  records and outcomes of tests → `Results`
shard_record    which part of a run this is, and what it must have in common with the others
crops           crops of the images that regressed
result_files    writes JSON, HTML, Markdown and GitHub's summary
"""
