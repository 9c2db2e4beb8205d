"""The benchmarks' own machinery: figures, records, the page, and programs that can be started."""

from __future__ import annotations

import argparse
import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import collect
import measuring
import page
import pytest
import records
from measuring import Figure

from espalier.core.paths import ROOT

FOLDER = ROOT / "benchmarks"
PROGRAMS = sorted(
    p.name for p in FOLDER.glob("*.py") if "__main__" in p.read_text(encoding="utf-8")
)
EVERY = [*collect.PROGRAMS, *collect.LONG_PROGRAMS, *collect.GPU_PROGRAMS]


def record(name="pack_sweep", machine="A CPU, 2 cores", figures=()):
    return {
        "name": name,
        "about": "What it measures.",
        "when": "2026-01-02T03:04:05+00:00",
        "seconds": 61.2,
        "machine": {"name": machine},
        "load": 1.5,
        "versions": {"python": "3.11.7", "torch": "2.0"},
        "code": {"commit": "0123456789", "modified": True, "changes": "x"},
        "figures": [figure.as_json() for figure in figures],
        "notes": ["seen | so"],
        "texts": {},
    }


def test_a_figure_is_a_median_with_its_spread_and_goal():
    figure = Figure("packs", [3.0, 1.0, 8.0], "x", ">= 2.5").as_json()
    assert figure == {
        "what": "packs",
        "value": 3.0,
        "unit": "x",
        "n": 3,
        "spread": [1.0, 8.0],
        "mean": 4.0,
        "half_width": pytest.approx(8.957, abs=1e-3),  # 4.303 * sd 3.606 / root 3
        "values": [3.0, 1.0, 8.0],
        "family": "",
        "goal": ">= 2.5",
        "met": True,
    }
    assert Figure("late", [1.04], "x", "<= 1.03").met is False
    assert Figure("late", [1.03], "x", "<= 1.03").met is True
    assert Figure("plain", [1.0], "s").met is None


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.12345, "0.123"), (12.345, "12.3"), (54321.0, "54,321"), (1e-7, "1.00e-07")],
)
def test_numbers_are_shown_with_the_digits_that_count(value, text):
    assert measuring.shown(value) == text


def test_candidates_take_turns_in_empty_folders():
    order: list[str] = []

    def measure(name):
        def once(place):
            assert list(place.iterdir()) == []
            (place / "left").touch()
            order.append(name)
            return float(len(order))

        return once

    seen = measuring.interleaved({"a": measure("a"), "b": measure("b")}, 2)
    assert order == ["a", "b", "b", "a"]  # every other round goes backwards
    assert seen == {"a": [1.0, 4.0], "b": [2.0, 3.0]}
    assert measuring.ratios(seen["b"], seen["a"]) == [2.0, 0.75]


def test_what_is_told_is_printed_and_written(tmp_path, capsys):
    args = argparse.Namespace(program="one", about="About.", json=tmp_path / "one.json")
    measuring.tell(args, [Figure("packs", [2.0], "x", ">= 2.5")], ["a note"])
    printed = capsys.readouterr().out
    assert printed.splitlines()[1].split() == list(measuring.HEAD)
    assert printed.splitlines()[2].split() == ["packs", "2", "x", "1", *"22", ">=", "2.5", "NO"]
    written = json.loads(args.json.read_text(encoding="utf-8"))
    assert set(written) == set(record())
    assert written["notes"] == ["a note"] and written["figures"][0]["met"] is False


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({}, "one"),
        ({"dataset": None, "only": None}, "one"),
        ({"dataset": "mnist_5k"}, "one.mnist_5k"),
        ({"only": "rescue", "dataset": "mnist_5k"}, "one.rescue.mnist_5k"),
        ({"only": ["conv", "mlp"]}, "one"),  # cases of one whole
    ],
)
def test_a_part_or_a_data_set_is_a_record_of_its_own(options, name):
    assert measuring.record_name(argparse.Namespace(program="one", **options)) == name


def test_arguments_are_handed_on_to_one_program(monkeypatch, capsys):
    started = []
    monkeypatch.setattr(collect, "ran", lambda *given: started.append(given) or True)
    monkeypatch.setattr(collect.page, "write", lambda *_: None)
    command = ["collect.py", "--only", "patch_experiment", "--", "--dataset", "mnist_5k"]
    monkeypatch.setattr(sys, "argv", command)
    assert collect.main() == 0
    assert started == [("patch_experiment", ["--dataset", "mnist_5k"])]
    monkeypatch.setattr(sys, "argv", ["collect.py", "--", "--dataset", "mnist_5k"])
    with pytest.raises(SystemExit):
        collect.main()
    assert "--only names it" in capsys.readouterr().err


def test_the_page_has_a_part_behind_its_program():
    parts = [record("plan_10k"), record("patch_experiment.mnist_5k"), record("patch_experiment")]
    text = page.text(parts, EVERY)
    places = [text.index(f"### {name}\n") for name in ("plan_10k", "patch_experiment.mnist_5k")]
    assert places == sorted(places)


def test_a_record_replaces_its_program_s_last_one_on_its_machine(tmp_path):
    old, new = record(figures=[Figure("a", [1.0], "s")]), record(figures=[Figure("a", [2.0], "s")])
    other, gpu = record("plan_10k"), record("packs_gpu", "NVIDIA H200")
    for each in (old, other, new):
        assert records.keep(each, tmp_path) == tmp_path / "a-cpu-2-cores.json"
    assert records.keep(gpu, tmp_path) == tmp_path / "nvidia-h200.json"
    assert records.stored(tmp_path) == [new, other, gpu]


def test_the_page_shows_goals_first_and_then_every_program():
    goal, plain = Figure("packs", [20.0, 10.0], "x", ">= 15"), Figure("whole", [1234.5], "s")
    kept = [record("plan_10k"), record(figures=[goal, plain])]
    text = page.text(kept, EVERY)
    assert "| program | what | median | unit | n | min | max | goal | met |" in text
    assert "| pack_sweep | packs | 15 | x | 2 | 10 | 20 | >= 15 | yes |" in text
    assert "| whole | 1,234 | s | 1 | 1,234 | 1,234 |" in text
    assert text.index("### pack_sweep") < text.index("### plan_10k")
    origin = "2026-01-02, 0123456 with changes, 61 s, load 1.5; python 3.11.7, torch 2.0."
    assert origin in text


def test_the_page_begins_with_headlines_and_the_goals_that_were_missed():
    program, what, words = page.HEADLINES[0]
    headline = Figure(what, [2.0, 4.0], "s", "<= 1")
    text = page.text([record(program, figures=[headline, Figure("b", [1.0], "s", "<= 1")])], EVERY)
    summary = text.partition("\n## In short: A CPU, 2 cores\n")[2].partition("\n## ")[0]
    assert f"| {words} | 3 | s | 2 | 2 | 4 | {program} |" in summary
    assert "1 of 2 goals are met, all but these:" in summary
    assert f"* {program}, {what}: 3 s; goal <= 1\n" in summary


def test_every_headline_has_been_measured():
    measured = {(r["name"], f["what"]) for r in records.stored() for f in r["figures"]}
    assert {(program, what) for program, what, _ in page.HEADLINES} - measured == set()


def test_without_records_the_page_says_so():
    assert page.text([], EVERY).endswith("Nothing has been measured yet.\n")


def test_the_page_is_what_the_records_give():
    assert (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8") == page.text(
        records.stored(), EVERY
    )


def test_every_program_is_collected_or_is_part_of_another():
    parts = {"collect", "engine_trial", "nanogpt", "optuna_trials", "page_figures", "pictures"}
    parts |= {"plain_trial", "ray_noops", "ray_trials", "sampler_tables", "structure"}
    assert {Path(name).stem for name in PROGRAMS} == set(EVERY) | parts


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_says_what_it_does(program, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [program, "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(FOLDER / program), run_name="__main__")
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: {program}")


def test_the_gpu_part_skips_itself(tmp_path):
    command = [sys.executable, "packs_gpu.py", "--json", str(tmp_path / "record.json")]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, cwd=FOLDER, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "packs_gpu: skipped, no NVIDIA GPU is visible\n"
    assert list(tmp_path.iterdir()) == []
