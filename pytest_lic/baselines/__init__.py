"""What is recorded, and the comparison of a run with it. The words: docs/reference/glossary.md.

entries         baselines: a file for each family, and the folders they are looked for in
entry_json      one baseline as the JSON object in that file
costs           what coding costs, in the same file
kept_streams    kept bitstreams: a manifest for each family, and two files for each of them
layered         what both have in common: the user's folder, the shipped one, an earlier one
tolerances      how much worse each metric may get
comparison      a measurement against its baseline: differences and a verdict
plausible       gains that are too good to be true
edits           what was done to all of this between two commits
history         what was recorded over time, from git
at_commit       folders and files as they were at a commit
milestone       baselines of an earlier commit that a run is held to as well
shipped         where those lie that come with pytest-lic
"""
