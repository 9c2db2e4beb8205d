"""When growth happens and what it may cost: triggers, budgets and stop rules."""
