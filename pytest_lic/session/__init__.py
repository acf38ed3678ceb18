"""pytest's side of a run: collecting, scheduling, the gates, what comes back from workers."""
