"""The data sets, one a file; the other modules here read file formats that several share."""

from espalier.core.trees import own_trees

__path__ += own_trees.search_path("datasets")
