"""The subcommands of ``pytest-lic``, a file each: what they take, and what they print."""
