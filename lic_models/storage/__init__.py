"""What is stored: weights as safetensors with their header, checkpoints, exports."""
