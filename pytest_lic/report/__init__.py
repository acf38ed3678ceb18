"""What a run found, for readers; nothing here changes a result or a file but the one it writes.

ab, ablation, baseline_edits, compare, one_cell   what the commands of these names print
headline      the verdict on runs in one sentence
run_markdown  a run for a pull request
words         comparisons in words
markdown/     pages of limited length, escaped text
terminal/     the end of a session
html/         one page that needs nothing else
timing/       saved times as tables and as a picture
"""
