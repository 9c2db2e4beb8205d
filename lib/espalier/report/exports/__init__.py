"""Sweeps in the files of other tools: TensorBoard, MLflow, Trackio, Weights & Biases, CSV."""
