"""The neurons of a layer: how fit and old they are, what they do, and who descends from whom."""
