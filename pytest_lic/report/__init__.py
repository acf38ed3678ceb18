"""Results in words, tables and pages; nothing here changes them.

ab              two commits compared, for the terminal and as Markdown
ablation        an ablation, for the terminal and as JSON
baseline_edits  what a change did to the baselines
code_quality    what failed, as GitLab shows it
compare         two runs compared
components      kinds of component, for the terminal and as JSON
costs           what coding costs, as rows of tables
headline        the verdict on runs in one sentence
history         what was recorded over time, for the terminal
junit           a run's tests for CI systems
metrics         what metrics there are, and which can be computed here
one_cell        everything about one cell
passport        who decodes whom, for the terminal and as Markdown
run_markdown    a run for a pull request
words           comparisons in words
html            one page that needs nothing else
markdown        pages of limited length, escaped text
terminal        the end of a session
timing          saved times as tables and as a picture
"""
