"""Training: the Lightning module, the loss, first weights, what is shown and written."""
