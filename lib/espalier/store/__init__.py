"""The results of a sweep on disk: one SQLite store, and a folder a trial."""
