import math
import random

import pytest
from growth_beds import total

from espalier.methods.growth.timing.growth_credits import Ledger, Price

LIVE = 4000


def test_income_by_hand() -> None:
    ledger = Ledger(chance=2.0, rate=100, smoothing=0.5)
    # averages: 1.5, 1.25, 1.625, 1.3125, 1.15625
    incomes = [ledger.earn(loss) for loss in (1.0, 1.0, 2.0, 1.0, 1.0)]
    assert incomes == pytest.approx([50, 25, 0, 0, 9.375])
    assert ledger.balance == pytest.approx(100 * (2.0 - 1.15625))


def test_all_income_is_what_the_average_has_fallen_whatever_the_noise() -> None:
    rng = random.Random(1)
    ledger = Ledger(chance=2.3, rate=1)
    for step in range(300):
        ledger.earn(0.5 + 1.8 * math.exp(-step / 50) + 0.2 * rng.gauss(0, 1))
    assert total(ledger, "income") == pytest.approx(2.3 - ledger.lowest, abs=1e-12)
    assert total(ledger, "income") < 2.3


def test_a_network_that_knows_nothing_earns_nothing() -> None:
    shares = [0.5, 0.3, 0.2]
    ledger = Ledger(chance=-sum(p * math.log(p) for p in shares))
    rng = random.Random(2)
    for _ in range(100):  # whatever it says, it says the same to every input
        logits = [rng.gauss(0, 0.3) + math.log(p) for p in shares]
        norm = math.log(sum(map(math.exp, logits)))
        ledger.earn(sum(p * (norm - logit) for p, logit in zip(shares, logits, strict=True)))
    assert ledger.balance == 0
    assert ledger.affordable(LIVE) == 0


def test_a_price_by_hand() -> None:
    price = Price(first=2.0, doubling=100)
    assert price.cost(1, 0) == pytest.approx(2.0 * 1.005)
    assert price.cost(10, 100) == pytest.approx(2.0 * 10 * (1 + 1.05))


def test_the_price_is_convex_and_does_not_depend_on_the_number_of_purchases() -> None:
    price = Price(first=0.3, doubling=777)
    costs = [price.cost(added, LIVE) for added in range(0, 500, 50)]
    steps = [b - a for a, b in zip(costs, costs[1:], strict=False)]
    assert steps == sorted(steps)
    parts = [price.cost(50, LIVE + done) for done in range(0, 450, 50)]
    assert math.fsum(parts) == pytest.approx(costs[-1], rel=1e-12)


@pytest.mark.parametrize("credits", [0.0, 1e-9, 1.0, 1234.5, 1e6, 1e12])
@pytest.mark.parametrize("live", [0, 17, 10**7])
def test_the_most_that_credits_buy_is_the_most(credits: float, live: int) -> None:
    price = Price(first=0.7, doubling=5000)
    max_edges = price.affordable(credits, live)
    assert price.cost(max_edges, live) <= credits or max_edges == 0
    assert price.cost(max_edges + 1, live) > credits


def test_the_balance_is_income_less_spending_through_anything() -> None:
    rng = random.Random(3)
    ledger, live, payments = Ledger(chance=2.3, rate=1e5), LIVE, 0
    for step in range(400):
        ledger.earn(2.3 * math.exp(-step / 100) + rng.uniform(-0.1, 0.1))
        max_edges = ledger.affordable(live)
        if max_edges and rng.random() < 0.5:
            added = rng.randint(1, max_edges)
            ledger.pay(added, live)
            live, payments = live + added, payments + 1
        assert ledger.balance >= 0
        assert abs(ledger.balance - (total(ledger, "income") - total(ledger, "payment"))) <= 1e-9
    assert payments > 10


def grown(price: float) -> int:
    """Parameters that a fixed run adds, spending all it has after each validation."""
    ledger, live = Ledger(chance=2.3, price=Price(first=price)), LIVE
    for step in range(50):
        ledger.earn(0.3 + 2.0 * math.exp(-step / 10))
        added = ledger.affordable(live)
        if added:
            ledger.pay(added, live)
            live += added
    return live - LIVE


def test_twice_the_price_is_about_half_the_growth() -> None:
    assert 0.4 <= grown(2.0) / grown(1.0) <= 0.6
    assert 0.4 <= grown(1.0) / grown(0.5) <= 0.6


def test_a_debt_is_refused_and_changes_nothing() -> None:
    ledger = Ledger(chance=2.3)
    ledger.earn(1.0)
    max_edges, balance = ledger.affordable(LIVE), ledger.balance
    for added in (max_edges + 1, 0, -5):
        with pytest.raises(ValueError, match="makes no debt"):
            ledger.pay(added, LIVE)
    assert ledger.balance == balance
    ledger.pay(max_edges, LIVE)
    assert 0 <= ledger.balance < ledger.price.cost(1, LIVE + max_edges)


def test_it_goes_on_from_its_state() -> None:
    first, second = Ledger(chance=2.3), Ledger(chance=2.3)
    first.earn(1.5)
    first.pay(10, LIVE)
    first.pay(3, LIVE)
    second.load_state_dict(first.state_dict())
    assert second == first
    assert second.earn(1.2) == first.earn(1.2)
    assert second.balance == first.balance


def test_bad_input_is_told() -> None:
    with pytest.raises(ValueError, match="both are above 0"):
        Price(first=0)
    with pytest.raises(ValueError, match="chance 0"):
        Ledger(chance=0)
    with pytest.raises(ValueError, match="diverged"):
        Ledger(chance=1).earn(math.nan)
