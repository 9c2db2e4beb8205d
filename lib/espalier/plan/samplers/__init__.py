"""Samplers: which of all combinations become trials."""

from espalier.core.trees import own_trees
from espalier.core.trees.tree_layout import ROOMS

__path__ += own_trees.search_path(ROOMS["sampler"])
