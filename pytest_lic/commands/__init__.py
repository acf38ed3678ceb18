"""The subcommands of ``pytest-lic``: what each takes, and what it prints.

ab              two commits compared on this machine
ablation        what one component does to rate, quality and time
baselines       every edit of the baselines since a branch began
bisect          the commit that moved a number
caching         the measurements kept between runs: ``pytest-lic cache``
components      every kind of component, and the codecs that have it
compare         what changed from one run to another
history         what was recorded of each codec over time
listing         the codecs that pytest would find here: ``pytest-lic list``
merge           the results of all shards of a run as one
metrics         the metrics, what each is, and which can be computed here
note            pages of the gate, written into GitLab's merge request
passport        what one machine encodes, all others decode
record          the results of a run as baselines
report          results files as a page for a browser
run_shards      a run in shards, here or on a cluster: ``pytest-lic run``
show            one cell, with all that is known of it
timing          saved times as tables and plots
weights         weights that a metric needs, into the cache
plugin_options  options of the plugin that a command takes too
terminal        what a command says while it works, and its width
written         files that a command writes for the user
"""
