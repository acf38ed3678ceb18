"""One component swapped: groups of families that differ in it, their curves and times.

ablation  the whole: every group in every setting
groups    which families differ in one component alone
curves    their curves and those of the anchors: measured before, now, or published
bits      bytes at equal qualities, where variants have too few for a curve
times     their times beside the reference's, over all qualities
turns     the stop-watch: several codecs turn by turn on the same images
result    the question and the results: values alone
"""
