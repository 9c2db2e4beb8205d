"""Surgery on pairs of layers: neurons die, are born, split; layers widen and narrow."""
