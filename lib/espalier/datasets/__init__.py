"""The data sets, one a file; the other modules here read file formats that several share."""
