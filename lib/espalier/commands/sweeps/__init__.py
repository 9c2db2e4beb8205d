"""Verbs that plan, run and judge sweeps."""
