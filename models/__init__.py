"""The networks, one a file: each adapts to the channels, size and classes of the data set."""
