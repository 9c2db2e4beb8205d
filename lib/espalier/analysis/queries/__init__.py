"""Queries over configurations: `PRUNING_METHOD=rigl & val_acc>97`."""
