function buildEffects() {}
