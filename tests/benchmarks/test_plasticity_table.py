"""Which arm a trial is of, and what an arm renewed."""

from __future__ import annotations

import pytest
from plasticity_table import arm, renewed


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"PRUNING_METHOD": "none"}, ("none", "")),
        ({"PRUNING_METHOD": "snr", "SNR_VICTIMS": "silent"}, ("snr", "rule")),
        ({"PRUNING_METHOD": "snr", "SNR_VICTIMS": "random"}, ("snr", "random")),
        (
            {"PRUNING_METHOD": "apoptosis_cbp", "APOPTOSIS_VICTIMS": "random"},
            ("apoptosis_cbp", "random"),
        ),
        (
            {"PRUNING_METHOD": "shrink_perturb", "SHRINK_PERTURB_NOISE": "0"},
            ("shrink_perturb", "noise 0"),
        ),
    ],
)
def test_an_arm_is_a_method_and_its_victims_or_noise(config, expected) -> None:
    assert arm(config) == expected


def test_what_was_renewed_is_counted_under_either_name() -> None:
    by_arm = {
        ("none", ""): {"1": {"mean_val_acc": 90.0}},
        ("snr", "rule"): {"1": {"resets": 5}, "2": {"resets": 7}},
        ("apoptosis_cbp", "random"): {"1": {"births": 3, "deaths": 3}},
    }
    figures = list(renewed("abrupt", by_arm))
    assert [(figure.what, list(figure.values)) for figure in figures] == [
        ("abrupt, renewed: snr by rule", [5, 7]),
        ("abrupt, renewed: apoptosis_cbp by random", [3]),
    ]
