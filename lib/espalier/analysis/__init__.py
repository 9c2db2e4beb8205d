"""Statistics over results: rankings, intervals, controls and effects. Pure functions."""
