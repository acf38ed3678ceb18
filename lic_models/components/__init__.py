"""The parts a learned codec is built from, one kind per file, each swapped on its own."""
