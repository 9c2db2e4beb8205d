"""Schedules, triggers, budgets and stop rules of growth."""
