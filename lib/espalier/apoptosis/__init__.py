"""Death and rebirth of neurons: how fit they are, who dies, and what comes in their place."""
