"""What one cell or curve comes to: from a grid of cells to measurements and BD-rates.

selection        what the user asked for: families, qualities, settings
grid             cells, curves, and the grid of a run that they stand on
gated_grid       the cells and curves that are gated
timed_grid       the cells whose times are taken
target_rates     families with rate control at rates in place of their qualities
shards           how a grid's cells are dealt to many machines that share a run
shard_cells      which cells are one shard's, by the seconds that each is expected to take
coding           one batch through a codec, with every promise of the protocol checked
backbones        networks that metrics look through, and their weights
metrics          what is measured of an image, one file for each metric
measure          a cell's measurement, image by image, and the curve through several
rate_distortion  curves, BD-rate and BD-PSNR
intervals        of means and BD-rates, over the images: whether a difference is real
steps            where a series of numbers moves to another level
published        curves of other people, on images that are recognised by their digest
store            measurements kept within a run and between runs
reconstructions  what was decoded lately, kept for crops
"""
