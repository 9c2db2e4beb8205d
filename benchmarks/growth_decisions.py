"""What decides when and where to grow: how often each is right where the answer is known.

The variance trigger by simulation, on stationary noise of several shapes, planted fourfold jumps
and smooth tenfold decays, and on the digits, where batches of a quarter of the samples are the
planted jump; planted units in a network trained on the digits; and the probe of information on
labels that it knows nothing about.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import measuring
import numpy as np
import torch
from measuring import Figure
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from espalier.datasets.digits import Digits
from espalier.methods.growth.measurement.information import LabelProbe
from espalier.methods.growth.placement import extrema
from espalier.methods.growth.timing.gradient_variance import VarianceTrigger, gradient_norm

Floats = NDArray[np.float64]
WINDOW = VarianceTrigger().window
FULL = VarianceTrigger().reference  # windows before the first test


GOALS = {
    "precision of planted units": ("%", ">= 100"),
    "recall of planted units": ("%", ">= 100"),
    "probe, labels apart": ("nats", "<= 0.02"),
}


def remembering(share: float) -> Callable[[np.random.Generator, int], Floats]:
    """Noise each step of which keeps a share of the one before."""

    def noise(rng: np.random.Generator, steps: int) -> Floats:
        made = rng.standard_normal(steps)
        for step in range(1, steps):
            made[step] += share * made[step - 1]
        return made * math.sqrt(1 - share**2)

    return noise


NOISE: dict[str, Callable[[np.random.Generator, int], Floats]] = {
    "normal": lambda rng, steps: rng.standard_normal(steps),
    "Student's t of 3": lambda rng, steps: rng.standard_t(3, steps),
    "exponential": lambda rng, steps: rng.exponential(size=steps),
    "keeping 0.5": remembering(0.5),
    "keeping 0.9": remembering(0.9),
}


def fired(norms: Floats) -> list[int]:
    """The steps at which a fresh trigger fires."""
    trigger = VarianceTrigger()
    return [step for step, norm in enumerate(norms.tolist()) if trigger.after_step(norm)]


def stationary(kind: str, seed: int, windows: int) -> float:
    """The share of tested windows that fire, in %."""
    noise = NOISE[kind](np.random.default_rng(seed), (windows + FULL) * WINDOW)
    return 100 * len(fired(np.exp(0.2 * noise))) / windows


def jumped(kind: str, seed: int, runs: int) -> float:
    """Jumps found by the end of the second window, in %; they begin anywhere in the first."""
    rng, hits = np.random.default_rng(seed), 0
    for _ in range(runs):
        begin = (FULL + 1) * WINDOW + int(rng.integers(WINDOW))
        noise = 0.2 * NOISE[kind](rng, (FULL + 3) * WINDOW)
        noise[begin:] *= 2
        hits += any(step >= begin for step in fired(np.exp(noise)))
    return 100 * hits / runs


def decayed(seed: int, runs: int) -> float:
    """The share of tested windows that fire along an exponential tenfold decay, in %."""
    rng, windows = np.random.default_rng(seed), 15
    decay = 10.0 ** -np.linspace(0, 1, windows * WINDOW)
    noises = (rng.standard_normal(len(decay)) for _ in range(runs))
    alarms = sum(len(fired(decay * np.exp(0.1 * noise))) for noise in noises)
    return 100 * alarms / (runs * (windows - FULL))


def digits() -> tuple[Tensor, Tensor]:
    """The training images and labels."""
    raw = Digits().load(Path(), download=False)
    return raw.train_x.flatten(1), raw.train_y


def network(seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    layers = [nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)]
    return nn.Sequential(*layers)


def norms_of(net: nn.Module, seed: int, sizes: list[int]) -> Iterator[float]:
    """The gradient's norm at each step of plain training, on batches of `sizes`."""
    (x, y), generator = digits(), torch.Generator().manual_seed(seed)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9)
    for size in sizes:
        batch = torch.randint(len(y), (size,), generator=generator)
        optimizer.zero_grad()
        F.cross_entropy(net(x[batch]), y[batch]).backward()
        yield gradient_norm(net.parameters())
        optimizer.step()


def on_digits(seed: int) -> tuple[float, float]:
    """Alarms in % of the windows of plain training, and whether smaller batches are noticed."""
    windows = 25
    norms = np.array(list(norms_of(network(seed), seed, [128] * windows * WINDOW)))
    quarter = [128] * (windows - 2) * WINDOW + [32] * 2 * WINDOW
    planted = np.array(list(norms_of(network(seed), seed, quarter)))
    noticed = any(step >= (windows - 2) * WINDOW for step in fired(planted))
    return 100 * len(fired(norms)) / (windows - FULL), 100 * noticed


def planted_units(seed: int) -> dict[str, float]:
    """Precision and recall, in %, of five dead and five linear units."""
    x, _ = digits()
    net = network(seed)
    list(norms_of(net, seed, [128] * 300))
    before = found_in(net, x)
    free = (~(before.dead | before.saturated)).nonzero().flatten()
    dead, linear = free[torch.randperm(len(free))[:10]].split(5)
    first = net[0]
    assert isinstance(first, nn.Linear)
    first.bias.data[dead] = -1e3
    first.bias.data[linear] = 1e3
    after = found_in(net, x)
    new = after.dead & ~before.dead, after.saturated & ~before.saturated
    right = int(new[0][dead].sum() + new[1][linear].sum())
    flagged = int(new[0].sum() + new[1].sum())
    return {
        "precision of planted units": 100 * right / flagged,
        "recall of planted units": 100 * right / 10,
    }


@torch.no_grad()
def found_in(net: nn.Sequential, x: Tensor) -> extrema.Extrema:
    """The first layer's extrema."""
    return extrema.find_extrema(extrema.Activity.of(net[:2](x)))


def informed(seed: int) -> dict[str, float]:
    """Nats that the probe finds in 2,000 samples which tell nothing of their labels."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(5, (2000,), generator=generator)
    z = torch.randn(2000, 8, generator=generator)
    return {"probe, labels apart": LabelProbe()(z, labels, generator)}


def simulated(rounds: int, windows: int, runs: int) -> Iterator[Figure]:
    """The trigger's figures, in %."""
    seeds = range(rounds)
    for kind in NOISE:
        alarms = [stationary(kind, seed, windows) for seed in seeds]
        yield Figure(f"false alarms, {kind}", alarms, "%", "<= 1")
    for kind in NOISE:
        power = [jumped(kind, seed, runs) for seed in seeds]
        goal = ">= 95" if kind == "normal" else ""
        yield Figure(f"fourfold variance found in two windows, {kind}", power, "%", goal)
    yield Figure("alarms in a tenfold decay", [decayed(s, runs) for s in seeds], "%", "<= 1")


NOTES = (
    "The alarms on the digits are not false: measured by its norm, the gradient does become three "
    "times as noisy in the first windows of training.",
    "The power of a rank test depends on the noise: fourfold variance of heavy tails or of skewed "
    "noise is less of a change than of normal noise.",
)


def main() -> None:
    """Print how often each decision is right."""
    parser = measuring.parser(__doc__, rounds=5)
    parser.add_argument("--windows", type=int, default=2000, help="a round (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=100, help="a round (default: %(default)s)")
    args = parser.parse_args()
    torch.set_num_threads(1)
    figures = list(simulated(args.rounds, args.windows, args.runs))
    measuring.say("simulated")
    trained = [on_digits(seed) for seed in range(args.rounds)]
    figures.append(Figure("alarms on the digits", [a for a, _ in trained], "%"))
    figures.append(Figure("a quarter of the batch noticed", [b for _, b in trained], "%"))
    measuring.say("trained")
    for measure in (planted_units, informed):
        rows = [measure(seed) for seed in range(args.rounds)]
        figures += [Figure(what, [row[what] for row in rows], *GOALS[what]) for what in rows[0]]
    measuring.tell(args, figures, NOTES)


if __name__ == "__main__":
    main()
