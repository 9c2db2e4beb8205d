"""Formats and sources of the files of data sets."""
