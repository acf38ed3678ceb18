"""The subcommands of ``pytest-lic``, one file each."""
