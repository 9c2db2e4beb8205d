function buildCurves() {}
