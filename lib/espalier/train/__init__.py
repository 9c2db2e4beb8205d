"""Training: a task in, a result out; data, the loop, packs and snapshots."""
