"""The strategies of neuron apoptosis, each composed of selection, death, birth and schedule.

`mutation_strength` is noise relative to the size of a parent's weights, unless said otherwise.
`death` says what makes up for the dead, `birth` how neurons are born; see `function_preserving`.
"""

from __future__ import annotations

from typing import Literal

from espalier.methods.apoptosis.neurons.apoptosis_strategy import (
    SELECTIONS,
    ApoptosisStrategy,
    Victims,
    select_weakest,
)
from espalier.methods.apoptosis.neurons.replacement_ops import BirthKind
from espalier.methods.apoptosis.replacement.crossover import CrossoverBirth, Mode
from espalier.methods.apoptosis.replacement.distillation import DistillingDeath, SuccessorBirth
from espalier.methods.apoptosis.replacement.function_preserving import (
    DeathKind,
    PreservingBirth,
    SubstitutedDeath,
)
from espalier.methods.apoptosis.replacement.orthogonal_neurons import OrthogonalBirth, least_unique
from espalier.methods.apoptosis.replacement.overwriting import (
    OverwritingBirth,
    Regrowth,
    zero_incoming,
)
from espalier.methods.apoptosis.replacement.published_rules import (
    BelowThreshold,
    ShareOfMature,
    fold_running_mean,
)
from espalier.methods.apoptosis.replacement.replacement_schedules import (
    CapacityGrowth,
    GradualReplacement,
    append_slots,
)

STRENGTH = 0.3
"""Default noise of mutations, as in the earlier apoptosis experiments."""
OrthogonalParts = Literal["both", "selection", "birth"]


def standard(
    regrowth_strategy: Regrowth = "mutation", mutation_strength: float = STRENGTH
) -> ApoptosisStrategy:
    """Zero the least fit and regrow them as mutations of the fit.

    Their outgoing weights stay, so that new features enter with the influence of the old: an
    event costs much. It is here to be compared with. `mutation_strength` is the deviation of the
    noise added to weights.

    Source: `NeuronApoptosisManager` of the earlier apoptosis code.
    Differs: fractions of neurons are carried over to the next event; newborns are left alone until
    they are mature; optimizer state of newborns is reset; fitness is of the last update's batch.
    """
    return ApoptosisStrategy(zero_incoming, OverwritingBirth(regrowth_strategy), mutation_strength)


def turnover(
    death: DeathKind = "fold",
    birth: BirthKind = "mutation",
    mutation_strength: float = STRENGTH,
) -> ApoptosisStrategy:
    """Exchange the least fit at once: made for few neurons at a time, often.

    With fitness `utility`, death `mean` and birth `fresh` it is akin to continual backpropagation,
    which `continual_backprop` is.

    Source: `ContinuousTurnoverApoptosis` of the earlier apoptosis code.
    """
    return ApoptosisStrategy(SubstitutedDeath(death), PreservingBirth(birth), mutation_strength)


def continual_backprop(fold: bool = True, victims: Victims = "rule") -> ApoptosisStrategy:
    """Replace a share of the mature at each step: continual backpropagation.

    Founders are newborn. With `fold`, the running mean of what the dead did goes into the next
    bias. With `victims` at random as many die at each step, whoever they are: a control. Meant for
    fitness `utility` or `adaptable_utility` with a decay, and an interval of 1.

    Source: Dohare et al. 2024, "Loss of plasticity in deep continual learning", Nature 632,
    algorithm 1. The fold is of their code `gnt.py`, which means to do so, but clears the mean
    first: `fold=False` is what it does.
    Differs: see `espalier.ContinualBackprop`.
    """
    reap = fold_running_mean if fold else SubstitutedDeath("zero")
    schedule = ShareOfMature()
    births, select = PreservingBirth("fresh"), SELECTIONS[victims]
    return ApoptosisStrategy(reap, births, 0.0, select, schedule, founders_are_mature=False)


def redo(threshold: float = 0.1, victims: Victims = "rule") -> ApoptosisStrategy:
    """Replace all whose fitness is at most `threshold` times the layer's mean: ReDo.

    Meant for fitness `activity`. Nothing makes up for the dead; the newborn have fresh weights, and
    nothing reads them. With `victims` at random as many die as are dormant, whoever they are: a
    control.

    Source: Sokar et al. 2023, "The Dormant Neuron Phenomenon in Deep Reinforcement Learning",
    arXiv 2302.12902, algorithm 1.
    Differs: see `espalier.ReDo`.
    """
    schedule = BelowThreshold(threshold)
    births, select = PreservingBirth("fresh"), SELECTIONS[victims]
    return ApoptosisStrategy(SubstitutedDeath("zero"), births, 0.0, select, schedule)


def functional_preservation(
    preservation_steps: int = 50,
    death: DeathKind = "fold",
    birth: BirthKind = "mutation",
    mutation_strength: float = STRENGTH,
) -> ApoptosisStrategy:
    """Let the survivors take over what the dying did, as well as they can.

    At an event each of the dying is expressed by the survivors (least squares on what is observed).
    Over `preservation_steps` steps, in [0, interval), their outgoing weights move to the survivors
    accordingly, while all go on learning. Then neurons are born that nothing reads yet.

    Source: `FunctionalPreservationApoptosis` of the earlier apoptosis code, for the aim.
    Differs: that one copies a neuron that is similar and keeps the outgoing weights.
    """
    schedule = GradualReplacement(preservation_steps, SubstitutedDeath(death), "preservation_steps")
    births = PreservingBirth(birth)
    return ApoptosisStrategy(schedule.death, births, mutation_strength, schedule=schedule)


def gradual_fade(
    fade_steps: int = 50,
    death: DeathKind = "mean",
    birth: BirthKind = "mutation",
    mutation_strength: float = STRENGTH,
) -> ApoptosisStrategy:
    """Fade the dying to their mean over `fade_steps` steps; training makes up for the rest.

    Others are born into their slots when the fade ends, and not at the next event. `fade_steps` is
    in [0, interval).

    Source: `GradualFadeApoptosis` of the earlier apoptosis code.
    Differs: outgoing weights fade, not incoming ones, and the mean stays.
    """
    schedule = GradualReplacement(fade_steps, SubstitutedDeath(death), "fade_steps")
    births = PreservingBirth(birth)
    return ApoptosisStrategy(schedule.death, births, mutation_strength, schedule=schedule)


def hybrid(
    death: DeathKind = "fold",
    birth: BirthKind = "split",
    mutation_strength: float = STRENGTH,
) -> ApoptosisStrategy:
    """Replace the weakest by divisions of the fittest, as many births as deaths.

    A birth is a division: the newborn takes over part of what its parent does, so that it matters
    at once. Parents are drawn among as many of the fittest as there are births. The size of a layer
    stays.

    Source: `HybridGrowthAndDeath` of the earlier apoptosis code, for the aim.
    Differs: that one is the standard strategy under another name, and its events are not counted.
    """
    births = PreservingBirth(birth, fittest_divide=True)
    return ApoptosisStrategy(SubstitutedDeath(death), births, mutation_strength)


def growth_only(
    max_capacity: float,
    death: DeathKind = "fold",
    birth: BirthKind = "split",
    mutation_strength: float = STRENGTH,
) -> ApoptosisStrategy:
    """Widen layers by a share of their initial size, up to `max_capacity` times it.

    A birth is a division by default, so the network computes what it did before. Parameters stay
    the same objects. Give the `optimizer`, unless it keeps no state for each weight: its state
    grows with the layers. A layer whose outputs join a residual path is in no pair and never grows.

    Source: `GrowthOnlyManager` of the earlier apoptosis code.
    Differs: the layer after, the normalisation between and the optimizer follow; there, the first
    forward pass after an event failed. At least one neuron is born in layers with room, and row
    and bias of a newborn are of one parent.
    """
    schedule = CapacityGrowth(max_capacity)
    reap, births = SubstitutedDeath(death), PreservingBirth(birth)
    return ApoptosisStrategy(reap, births, mutation_strength, append_slots, schedule)


def crossover(
    crossover_mode: Mode = "uniform",
    death: DeathKind = "fold",
    birth: BirthKind = "mutation",
    mutation_strength: float = 0.1,
) -> ApoptosisStrategy:
    """Replace the least fit by newborns of two different parents; see `CrossoverBirth`.

    `mutation_strength` is relative to the blend's weights. `birth` applies where there is but one
    parent.

    Source: `CrossoverApoptosis` of the earlier apoptosis code.
    Differs: a sum of two nearly orthogonal parents is not left 1.4 times too short; the noise is
    relative to the weights; nothing reads a newborn yet, so its birth changes nothing; `mask` and
    `slerp` are new. Slerp: Shoemake 1985, "Animating rotation with quaternion curves".
    """
    births = CrossoverBirth(crossover_mode, PreservingBirth(birth))
    return ApoptosisStrategy(SubstitutedDeath(death), births, mutation_strength)


def orthogonal(
    parts: OrthogonalParts = "both",
    death: DeathKind = "fold",
    birth: BirthKind = "mutation",
    mutation_strength: float = STRENGTH,
) -> ApoptosisStrategy:
    """Keep a set of neurons that is diverse as well as fit.

    `parts` says what is orthogonal: the `selection` (`least_unique`), the `birth`
    (`OrthogonalBirth`) or `both`. The other part is as in `turnover`; `birth` and
    `mutation_strength` apply to `selection` only.

    Source: the earlier apoptosis documents sketch both parts.
    Differs: that sketch adds up distances of weights, under which fitness counts for nothing, and
    projects onto a null space, which is empty where there are more survivors than inputs.
    """
    births = PreservingBirth(birth) if parts == "selection" else OrthogonalBirth()
    select = select_weakest if parts == "birth" else least_unique
    return ApoptosisStrategy(SubstitutedDeath(death), births, mutation_strength, select)


def distillation(
    distillation_steps: int = 10, mutation_strength: float = STRENGTH
) -> ApoptosisStrategy:
    """Distil each of the dying into its successor; survivors and successors replace it.

    See `DistillingDeath`. The successors take the slots, read accordingly. With many steps a
    successor becomes the neuron that it replaces.

    Source: `DistillationApoptosis` of the earlier apoptosis code, for the aim.
    Differs: there, candidates were neither distilled nor put in place.
    """
    return ApoptosisStrategy(
        DistillingDeath(distillation_steps), SuccessorBirth(), mutation_strength
    )
