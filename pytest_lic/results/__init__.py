"""What a run found out: values, their file, and two runs compared."""
