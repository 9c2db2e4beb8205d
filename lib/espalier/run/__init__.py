"""The runner of a sweep: worker processes, packs, memory, devices and progress."""
