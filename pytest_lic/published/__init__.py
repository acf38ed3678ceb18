"""Published rate-distortion curves as numbers."""
