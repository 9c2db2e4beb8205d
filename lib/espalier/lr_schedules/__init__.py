"""The learning-rate schedules, one a file: pure functions of the step."""

from espalier.core.trees import own_trees

__path__ += own_trees.search_path("lr_schedules")
