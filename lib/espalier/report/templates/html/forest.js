function buildForest() {}
