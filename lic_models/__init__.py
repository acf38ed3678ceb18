"""Learned image codecs that ship with pytest-lic: networks, their training and trained weights.

components      transforms, non-linearities, quantizers, entropy models and entropy coders
codec           a codec put together from its components
data            data modules: what is trained, validated and tested on
config          the file that describes a codec, and clear errors for what is wrong in it
storage         weights, checkpoints and exports, all safetensors
training        the loss, first weights, the training module, and what a run leaves behind
zoo             many networks trained by turns, for as long as there is time
command_line    what the commands of ``python -m lic_models`` do
enhanced        a codec and an enhanced one beside it, for another domain
kinds           the kinds of component, for ``pytest-lic components``
families        the shipped families, and those that a config describes
untrained       families with random weights, to be timed
under_test      quantizers, coders, table makers and contexts for the suite ``properties``
metrics_file    the former place of `training.metrics_file`
configs/, weights/, MODEL_CARDS.md      what ships
"""
