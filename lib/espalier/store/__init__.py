"""The results of a sweep on disk: an SQLite store, and a folder for each trial."""
