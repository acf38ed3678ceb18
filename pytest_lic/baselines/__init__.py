"""What is recorded: baselines, kept bitstreams, tolerances, and the comparison with them."""
