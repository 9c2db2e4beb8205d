"""The networks, one a file: each adapts to the channels, size and classes of the data set."""

from espalier.core.trees import own_trees

__path__ += own_trees.search_path("models")
