"""The optimizers, one a file; the other modules here hold what several share."""

from espalier.core.trees import own_trees

__path__ += own_trees.search_path("optimizers")
