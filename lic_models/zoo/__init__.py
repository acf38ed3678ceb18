"""Training many networks for as long as there is time, on this machine or the next.

    configs ──► networks ──► which is next ──► a slice of its training ──► ledger
                                   ▲           (fit, in a process)          │
                                   └────────────────────────────────────────┘

command     ``python -m lic_models zoo``: its options, and what they mean
networks    the networks of some configs, and how far each has come
turns       which network is trained next, and for how long
slices      one slice of one network's training, in a process of its own
ledger      what each slice took and what it came to
training    the whole: slices side by side until time is up
summary     what is said while it runs and in the end
pack        small copies of checkpoints, to go on from elsewhere
figure      loss against pixels, drawn
"""
