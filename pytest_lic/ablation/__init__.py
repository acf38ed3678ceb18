"""One component swapped: groups of families that differ in it, their curves and times."""
