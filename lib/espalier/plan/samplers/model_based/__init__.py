"""Samplers that propose configurations by the results of earlier ones, through Optuna."""
