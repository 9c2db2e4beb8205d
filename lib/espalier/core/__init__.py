"""The foundation of every room: trials, configurations, components, contracts, errors, files."""
