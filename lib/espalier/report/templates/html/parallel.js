function buildParallel() {}
const parallel = { drag: null };
