"""Parts of a report about what networks are like, beside how good they are."""
