"""Budgets of time: what fits into the minutes that a sweep may take."""
