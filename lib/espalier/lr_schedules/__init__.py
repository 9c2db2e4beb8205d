"""The learning-rate schedules, one a file: pure functions of the step."""
