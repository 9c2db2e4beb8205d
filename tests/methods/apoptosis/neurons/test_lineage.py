"""Ids that are never used again, and families that can be followed."""

import csv
import json

import pytest
from lineages import family

from espalier.core.errors import UserError
from espalier.methods.apoptosis.neurons.lineage import EMPTY, Lineage


def test_founders_are_numbered_through_all_layers():
    lineage = Lineage({"a": 3, "b": 2})
    assert (lineage.ids("a"), lineage.ids("b")) == ([0, 1, 2], [3, 4])
    assert lineage.ages("b", 7) == [7, 7]


def test_ids_are_not_given_again_and_ages_start_anew():
    lineage = family()
    assert lineage.ids("a") == [6, 5, 2]
    assert lineage.ages("a", 40) == [10, 30, 40]


def test_events_tell_what_the_dead_were_and_who_the_parents_are():
    death, birth, other, split = family().events
    assert (death.id, death.fitness, death.age, death.drift) == (1, 0.5, 10, 0.01)
    assert (birth.id, birth.op, birth.parents) == (5, "birth", ((0, 0.25), (2, 0.75)))
    assert (other.id, other.age) == (0, 30)
    assert (split.id, split.op, split.parents) == (6, "split", ((5, 1.0),))


def test_a_layer_may_grow_by_slots_behind_the_last():
    lineage = Lineage({"a": 1})
    assert lineage.record_births(5, "a", [1, 2], [[(0, 1.0)], [(0, 1.0)]]) == [1, 2]
    assert lineage.ids("a") == [0, 1, 2]


def test_slots_are_used_by_one_neuron_at_a_time():
    lineage = Lineage({"a": 2})
    with pytest.raises(ValueError, match="slot 0 of a is taken"):
        lineage.record_births(1, "a", [0])
    lineage.record_deaths(1, "a", [0], [0.0])
    assert lineage.ids("a") == [EMPTY, 1]
    for act in (
        lambda: lineage.record_deaths(2, "a", [0], [0.0]),
        lambda: lineage.record_births(2, "a", [0], [[(0, 1)]]),
    ):
        with pytest.raises(ValueError, match="slot 0 of a is empty"):
            act()


def test_the_table_has_a_row_a_founder_and_a_row_an_event(tmp_path):
    lineage = family()
    lineage.write(tmp_path / "lineage.csv")
    lineage.write(tmp_path / "lineage.jsonl")
    rows = list(csv.DictReader((tmp_path / "lineage.csv").open(encoding="utf-8")))
    lines = [
        json.loads(line)
        for line in (tmp_path / "lineage.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert len(rows) == len(lines) == 5 + 4
    assert [(row["layer"], row["slot"], row["id"]) for row in rows if row["op"] == "founder"] == [
        *(("a", "0", "0"), ("a", "1", "1"), ("a", "2", "2")),
        *(("b", "0", "3"), ("b", "1", "4")),
    ]
    assert rows[6]["parents"] == lines[6]["parents"] == "0:0.25 2:0.75"
    assert (rows[5]["fitness"], lines[5]["fitness"]) == ("0.5", 0.5)


@pytest.mark.parametrize("name", ["lineage.csv", "lineage.jsonl"])
def test_a_table_is_read_as_it_was_written_and_goes_on_alike(tmp_path, name):
    written = family()
    written.record_births(35, "b", [2], [[(0, 1 / 3), (1, 2 / 3)]])  # grown
    written.record_deaths(36, "a", [2], [0.1 + 0.2], drift=1e-17)
    written.write(tmp_path / name)
    loaded = Lineage.read(tmp_path / name)
    assert loaded.events == written.events and loaded.layers == written.layers
    for lineage in (written, loaded):
        assert lineage.record_births(40, "a", [2]) == [8]
    assert all(written.ids(layer) == loaded.ids(layer) for layer in "ab")
    assert loaded.ages("a", 50) == written.ages("a", 50) == [20, 40, 10]
    assert loaded.state_dict() == written.state_dict()


def test_layers_in_which_nothing_happened_are_read_too(tmp_path):
    Lineage({"a": 1, "b": 2}).write(tmp_path / "lineage.csv")
    assert Lineage.read(tmp_path / "lineage.csv").ids("b") == [1, 2]


HEAD = "step,layer,slot,op,id,parents,fitness,age,drift\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "does not begin with founders"),
        ("a,b\n1,2\n", "'op'"),
        (HEAD + "0,a,0,founder,7,,,,\n", "does not begin with founders"),
        (HEAD + "0,a,0,founder,0,,,,\n5,a,0,sleep,0,,,,\n", "op 'sleep' is none of founder, birth"),
        (HEAD + "0,a,0,founder,0,,,,\n5,a,0,birth,1,,,,\n", "slot 0 of a is taken"),
        (HEAD + "0,a,0,founder,0,,,,\n5,a,0,death,9,,0.5,5,\n", "neuron 9 dies where"),
        (HEAD + "0,a,0,founder,0,,,,\n5,b,0,death,0,,0.5,5,\n", "'b'"),
        (HEAD + "0,a,0,founder\n", "lineage.csv: not the table of a lineage"),
    ],
)
def test_what_is_no_table_of_a_lineage_is_one_line(tmp_path, text, why):
    path = tmp_path / "lineage.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=why):
        Lineage.read(path)


def test_it_is_saved_and_goes_on_alike():
    saved, loaded = family(), Lineage({"a": 3, "b": 2})
    loaded.load_state_dict(saved.state_dict())
    for lineage in (saved, loaded):
        lineage.record_deaths(50, "b", [1], [0.0])
        lineage.record_births(50, "b", [1])
    assert saved.events == loaded.events and saved.ids("b") == loaded.ids("b")
