"""One cell or curve measured: the grid, coding, metrics, rate-distortion curves, the store."""
