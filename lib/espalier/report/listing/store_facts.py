"""Read what the list says of a sweep from its store: ranked, with its claims judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from espalier.analysis.claims.claim_judging import JudgedClaims, judge
from espalier.analysis.confidence import Verdict
from espalier.analysis.race_standing import RaceStanding, standing
from espalier.analysis.rank import Configuration, Ranking, TrialResult, rank, swept_values
from espalier.core.records import PlanHeader
from espalier.core.texts.count_text import count_text
from espalier.core.trial import REPETITION, Result, Trial
from espalier.report.comparing.ranking_json import configuration_record
from espalier.report.listing.listed_sweep import ListedConfiguration, SweepFacts
from espalier.report.race_report import how_ended
from espalier.report.reports import ranking_measure
from espalier.store.results_dir import SCANNED, STORE
from espalier.store.store import Store

Texts = dict[str, list[str]]


def read_facts(folder: Path, by: str | None) -> SweepFacts:
    """Return the facts of the sweep in `folder`, ranked by `by` or by what its plan says.

    Raises UserError if its store cannot be read.
    """
    with Store.open(folder / STORE, readonly=True, patience=SCANNED) as store:
        header = store.header
        results = [TrialResult(*each) for each in _results(store, header)]
        ranking = rank(results, ranking_measure(store, results, by), header.race is not None)
        judged, race = judge(header, results), _race(header, results)
        common, configurations = _configurations(ranking)
        return SweepFacts(
            created=store.created,
            order=store.order,
            name=header.name or "",
            note=header.note or "",
            tags=header.tags or [],
            range_files=[each["path"] for each in header.sources],
            swept={axis["symbol"]: axis["values"] for axis in header.axes},
            settings=header.settings,
            counts={str(status): count for status, count in store.counts().items()},
            by=ranking.measure.spelled,
            best=_best(ranking, race),
            verdict=_verdict(ranking, judged, race),
            verdicts=_verdicts(ranking),
            claims=[[each.text, str(each.status)] for each in judged.claims] if judged else [],
            race_ended=race.state.ended if race else None,
            common=common,
            configurations=configurations,
        )


def _results(store: Store, header: PlanHeader) -> list[tuple[Trial, Result, int]]:
    """Return the trials with as much of their results as is needed: claims need where from."""
    has_claims = header.claims is not None or header.seals
    return store.final_results() if has_claims else store.outcomes()


def _race(header: PlanHeader, results: Sequence[TrialResult]) -> RaceStanding | None:
    return None if header.race is None else standing(results, header.race)


def _best(ranking: Ranking, race: RaceStanding | None) -> int | None:
    """Return the place of the best; of a race that of who leads those that are still in."""
    if race is None or race.leader is None:
        return 0 if ranking.ranked else None
    leading = race.leader.first.configuration
    trials = (item.first.configuration for item in ranking.configurations)
    places = [place for place, each in enumerate(trials) if each == leading]
    return places[0] if ranking.ranked else None


def _verdict(ranking: Ranking, judged: JudgedClaims | None, race: RaceStanding | None) -> str:
    """Return what came of the claims, else how a race ended, else how others stand to the best."""
    if judged is not None:
        counts = Counter(claim.status for claim in judged.claims)
        said = ", ".join(f"{count} {status}" for status, count in counts.items())
        return f"{count_text(len(judged.claims), 'claim')}: {said}"
    if race is not None:
        return f"race: {how_ended(race).lower()}"
    words = {Verdict.BEHIND: "behind", Verdict.TIED: "not told apart"}
    beside = _verdicts(ranking)
    said = ", ".join(f"{beside[each]} {text}" for each, text in words.items() if each in beside)
    return f"{said} (of {len(ranking.ranked) - 1})" if said else ""


def _verdicts(ranking: Ranking) -> dict[str, int]:
    """Return how many configurations stand in which way to the best."""
    return dict(Counter(str(item.verdict) for item in ranking.ranked[1:]))


def _texts(item: Configuration) -> Texts:
    """Return the texts of each symbol of a configuration, those of seeds each once."""
    texts = {name: [text] for name, text in item.first.config.items()}
    for name in REPETITION:
        each = [result.trial.config[name] for result in item.results if name in result.trial.config]
        if each:
            texts[name] = list(dict.fromkeys(each))
    return texts


def _common(texts: Sequence[Texts]) -> Texts:
    """Return what all configurations share."""
    first, *others = texts or [{}]
    return {
        name: own for name, own in first.items() if all(each.get(name) == own for each in others)
    }


def _configurations(ranking: Ranking) -> tuple[Texts, list[ListedConfiguration]]:
    """Return what all configurations share, and each of them, the best first."""
    texts = [_texts(item) for item in ranking.configurations]
    common, places = _common(texts), enumerate(ranking.configurations, 1)
    return common, [
        _configuration(place, item, own, ranking, common)
        for (place, item), own in zip(places, texts, strict=True)
    ]


def _configuration(
    place: int, item: Configuration, texts: Texts, ranking: Ranking, common: Mapping[str, object]
) -> ListedConfiguration:
    names = dict.fromkeys(name for result in item.counted for name in result.result.measures)
    means = {name: mean.mean for name in names if (mean := item.measure(name))}
    score = item.score
    return ListedConfiguration(
        name=item.first.name,
        place=place if score else None,
        score=[score.mean, score.half_width, score.n] if score else None,
        values=swept_values(item.first),
        own={name: own for name, own in texts.items() if name not in common},
        means=means,
        record=configuration_record(item, ranking),
    )
