"""Growth: a network of masked blocks gains edges, units and layers while it trains."""
