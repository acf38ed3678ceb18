"""Pages of Markdown within a number of bytes."""
