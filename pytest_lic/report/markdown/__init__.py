"""Markdown for pull requests, within a number of bytes.

changes  the table of what changed
page     a page of limited length, which says what it had no room for
text     text from outside made harmless; tables and code blocks
"""
