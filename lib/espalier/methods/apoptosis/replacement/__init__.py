"""Deaths, births, selections and schedules that strategies are composed of."""
