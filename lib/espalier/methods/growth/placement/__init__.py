"""Selection of places for growth: extreme units, missing edges, patches and highways."""
