function buildScatter() {}
