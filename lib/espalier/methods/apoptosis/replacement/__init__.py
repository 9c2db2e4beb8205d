"""How neurons die and what is born in their place: the operations of the strategies."""
