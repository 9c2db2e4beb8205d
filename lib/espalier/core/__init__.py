"""What every room stands on: trials, configurations, components, contracts, errors and files."""
