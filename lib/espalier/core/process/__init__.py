"""What a process meets: signals, streams, terminals, memory, full disks and locales."""
