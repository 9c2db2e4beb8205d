"""The methods, a folder a family and a file a method: only what differs from plain training."""

from espalier.core.trees import own_trees

__path__ += own_trees.search_path("methods")
