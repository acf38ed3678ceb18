"""What the project under test says: options, codecs, quantizers and coders, configuration."""
