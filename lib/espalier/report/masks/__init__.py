"""What reports say of the mask events that trials logged."""
