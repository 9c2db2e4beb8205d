from __future__ import annotations

from pathlib import Path

from espalier.plan import config_folder

CONFIGS = ["config_2", "config_10", "config_lr0.1", "config_old", "config_v1.2.3", "config_x.txt"]
BACKUPS = [
    "config_1.old",
    "config_1~",
    "config_1.~2~",
    "config_1.bak",
    "config_1.BAK",
    "config_1.bak2",
    "config_1.orig",
    "config_1.rej",
    "config_1.swp",
    "config_1.swo",
    "config_1.old.1",
    "config_1.tmp",
    "config_1 (copy)",
]


def test_configurations_are_told_from_backups(tmp_path: Path) -> None:
    for name in (*CONFIGS, *BACKUPS, ".config_1.swp", "#config_1#", "plan"):
        (tmp_path / name).touch()
    configs, notes = config_folder.list_configs(tmp_path)
    assert [path.name for path in configs] == CONFIGS
    (note,) = notes
    assert set(note.partition("backups: ")[2].split(", ")) == set(BACKUPS)
