"""What keeps ranked trials from being compared at face value: who made them, and on what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from espalier.analysis.rank import Configuration, Ranking, TrialResult, sampling
from espalier.core.records import Revision
from espalier.core.revision import describe
from espalier.core.texts.count_text import count_text

UNKNOWN = "unknown"


def notes(ranking: Ranking) -> list[str]:
    """Return marked lines on what differs between ranked trials and should not, or nothing."""
    trials = [item for configuration in ranking.ranked for item in configuration.counted]
    lines = origins(trials)
    head = "NOTE: the ranked trials were not all made alike, so differences may come from that"
    return [*_samples(ranking.ranked), *([head] if lines else []), *lines]


def _samples(ranked: Sequence[Configuration]) -> list[str]:
    """Return configurations that were validated on different samples."""
    names = dict.fromkeys(name for item in ranked for name in item.samples)
    mixed = [name for name in names if len({item.samples.get(name) for item in ranked}) > 1]
    if not mixed:
        return []
    texts = (", ".join(item.samples.get(name, "none") for name in mixed) for item in ranked)
    return [
        "NOTE: validation results are of different samples: compare within one data set",
        f"  by {', '.join(f'CONFIG_{name}' for name in mixed)}:",
        *(f"    {text}: {count_text(n, 'configuration')}" for text, n in Counter(texts).items()),
    ]


def origins(trials: Sequence[TrialResult]) -> list[str]:
    """Return indented lines on the different ways in which trials came about, or nothing."""
    tallies = {
        "by {} revisions of the code": _revisions(trials),
        "with {} sets of package versions": Counter(_versions(trials)),
        "on {} devices": Counter(item.result.provenance.device or UNKNOWN for item in trials),
        "from {} sets of data under equal settings": _data(trials),
    }
    lines: list[str] = []
    for what, tally in tallies.items():
        if len(tally) > 1:
            lines.append(f"  {what.format(len(tally))}:")
            lines += [f"    {text}: {count_text(count, 'trial')}" for text, count in tally.items()]
    return lines


def _revisions(trials: Sequence[TrialResult]) -> Counter[str]:
    """Return trials by their code, whatever commits of other files were between them."""
    codes = [item.result.provenance.code or Revision() for item in trials]
    text_of: dict[str, str] = {}
    labels = [code.sources or describe(code) for code in codes]
    for label, code in zip(labels, codes, strict=True):
        text_of.setdefault(label, describe(code))
    return Counter(text_of[label] for label in labels)


def _versions(trials: Sequence[TrialResult]) -> list[str]:
    """Return for each trial the packages that are not of one version throughout."""
    every = [item.result.provenance.versions or {} for item in trials]
    names = sorted({name for versions in every for name in versions})
    mixed = [name for name in names if len({versions.get(name) for versions in every}) > 1]
    return [", ".join(f"{name} {v.get(name, UNKNOWN)}" for name in mixed) for v in every]


def _data(trials: Sequence[TrialResult]) -> Counter[str]:
    """Return trials by fingerprint of their data, where equal settings gave more than one."""
    groups: dict[str, list[str]] = {}
    for item in trials:
        chosen = sampling(item.trial, "VALIDATION_FRACTION", "SPLIT_SEED", "TRAIN_SUBSET")
        origin = item.result.provenance.data_fingerprint or UNKNOWN
        label = f"{chosen.get('DATASET', 'data')} {origin}"
        groups.setdefault(str(sorted(chosen.items())), []).append(label)
    return Counter(text for group in groups.values() if len(set(group)) > 1 for text in group)
