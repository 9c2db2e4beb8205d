"""Free memory: the least that the machine and every control group around this process leave."""

import pytest

from espalier.core.process.memory import available

MEMINFO = "MemTotal:  8000 kB\nMemFree:  1000 kB\nMemAvailable:  5000 kB\nHugePages_Total: 0\n"


def machine(folder, group="/"):
    proc = folder / "proc"
    (proc / "self").mkdir(parents=True)
    (proc / "meminfo").write_text(MEMINFO, encoding="utf-8")
    (proc / "self/cgroup").write_text(f"4:memory:/old\n0::{group}\n", encoding="utf-8")
    return proc, folder / "groups"


def limit(group, maximum, current, stat="anon 5\ninactive_file 0\n"):
    group.mkdir(parents=True)
    (group / "memory.max").write_text(f"{maximum}\n", encoding="utf-8")
    (group / "memory.current").write_text(f"{current}\n", encoding="utf-8")
    (group / "memory.stat").write_text(stat, encoding="utf-8")


def test_without_limits_it_is_what_the_machine_has(tmp_path):
    assert available(*machine(tmp_path)) == 5000 * 1024


@pytest.mark.parametrize(("maximum", "left"), [("max", 5000 * 1024), (3000, 1000), (1000, 0)])
def test_a_limit_leaves_what_is_not_in_use(tmp_path, maximum, left):
    proc, groups = machine(tmp_path)
    limit(groups, maximum, current=2000)
    assert available(proc, groups) == left


def test_a_cache_of_files_gives_way(tmp_path):
    proc, groups = machine(tmp_path)
    limit(groups, 3000, 2000, stat="anon 5\ninactive_file 500\n")
    assert available(proc, groups) == 1500


def test_the_narrowest_of_the_groups_around_counts(tmp_path):
    proc, groups = machine(tmp_path, group="/user/session")
    limit(groups / "user", 900, current=200)
    limit(groups / "user/session", "max", current=100)
    assert available(proc, groups) == 700


def test_groups_of_version_1_are_heeded_too(tmp_path):
    proc, groups = machine(tmp_path)  # in the group /old, which a container may not see
    (groups / "memory").mkdir(parents=True)
    for name, value in (("limit", 3000), ("usage", 2000)):
        (groups / f"memory/memory.{name}_in_bytes").write_text(f"{value}\n", encoding="utf-8")
    assert available(proc, groups) == 1000
    (groups / "memory/memory.stat").write_text(
        "inactive_file 7\ntotal_inactive_file 500\n", encoding="utf-8"
    )
    assert available(proc, groups) == 1500


def test_a_machine_that_does_not_say_what_is_free_has_all(tmp_path):
    assert available(tmp_path, tmp_path) > 1 << 20


def test_this_machine_has_some():
    assert available() > 1 << 20
