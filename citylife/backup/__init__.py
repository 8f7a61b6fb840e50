"""Backups: everything in the tables, in one file that either database can be filled from.

`shapes` says how a table is written down so that SQLite and PostgreSQL write the same bytes, `archive` is the file and
its manifest, `saving` fills it from one snapshot while others write, and `restoring` fills a database from it, whole or
not at all.
"""
