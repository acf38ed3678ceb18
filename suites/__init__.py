"""The shipped test files, installed as ``pytest_lic.suites``."""
