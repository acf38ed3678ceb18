"""What must hold of any quantizer and any entropy coder, looked for with Hypothesis."""
