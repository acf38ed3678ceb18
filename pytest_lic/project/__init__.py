"""What the project under test says: options, codecs, what is under test, configuration.

option          one ``--lic-*`` option, and the readers of its text
option_table    all of them
pytest_options  declared to pytest, and read from the command line and the ini file
options         what they come to in one run
asked_for       which of the shipped suites a command line asks for
root            which folder is the user's project
registration    what hooks and entry points give, by name
discovery       the codec families, and the same ones again in another process
config_files    the families that a file describes
family_calls    a family's own functions, called
components      the kinds of component that hooks and entry points register
metrics         the metrics that hooks and entry points register
under_test      quantizers, coders, context models, samplers and others under test
codec_child     a child process that finds the codecs again: both of its sides
"""
