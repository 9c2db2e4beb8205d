"""What every room builds on: trials, results, components, contracts, measures, errors, files."""
