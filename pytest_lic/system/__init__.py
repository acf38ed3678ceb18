"""The machine under a run: processes, files, git, environment."""
