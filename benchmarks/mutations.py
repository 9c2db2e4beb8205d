"""Mutations of texts, JSON lines, bytes and rows, for mutated_files.py."""

from __future__ import annotations

import json
import random
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

NASTY = (
    *("\0", "\x1b[2J", "\x1b]0;t\x07", "\r", "\r\n", "\n", "\t", "\v", "\f", "\x85", "\u2028"),
    *("\ufeff", "\u202e", "\ud800", "é", "数", "\xa0", "|", "||", '"', '""', "\\", "#", ":", "::"),
    *("=", "==", "CONFIG_", "# CONFIG_SEED is not set", "$(shell id)", "{{ 1 }}", "%s", "{0}"),
    *("1:1:999999", "1:1:1e300", "1:*1.0000001:2", "0:0:0", "1:5:2", "-1", "1e400", "nan", "inf"),
    *("9" * 5000, "0x", "0x" + "f" * 400, "1e999999999", "١٢", "½", "y|n" * 30, "a|" * 2000),
    *("../../x", "/", "/dev/null", "~", "None", "true", "[]", "{}", "null", "a" * 100_000),
)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 10**30, 0.5, -0.0, 1e308, "", "x", "1", "\x1b[31m", "../x"),
    *("/tmp", "y", "\ud800", "\0", "a" * 10_000, [], {}, [[]], [None], {"": 0}, {"x": {"y": []}}),
    *(["a", 1], "passed", "nan", 2**63, -(2**63), 1e-320),
)
BLOBS = (
    None,
    b"\x22\xff\x22",
    b"",
    b"\0" * 50,
    0,
    -1,
    2**62,
    1.5,
    float("inf"),
    "",
    "x",
    "\x1b[2J",
)
COLUMNS = {
    "meta": ("key", "value"),
    "trials": ("number", "id", "name", "directory", "trial", "config"),
    "attempts": (
        *("trial", "attempt", "round", "status", "reason", "message", "started", "finished"),
        *("worker", "device", "progress", "result"),
    ),
}


def mutate_text(text: str, rng: random.Random) -> bytes:
    """Return the text with one to four changes, of characters, lines or bytes."""
    for _ in range(rng.randint(1, 4)):
        text = rng.choice(TEXT_CHANGES)(text, rng)
    content = text.encode("utf-8", "surrogatepass")
    return mutate_bytes(content, rng) if rng.random() < 0.2 else content


def _insert(text: str, rng: random.Random) -> str:
    at = rng.randint(0, len(text))
    return text[:at] + rng.choice(NASTY) + text[at:]


def _cut(text: str, rng: random.Random) -> str:
    start = rng.randint(0, len(text))
    return text[:start] + text[start + rng.choice((1, 2, 10, 1000)) :]


def _new_value(text: str, rng: random.Random) -> str:
    """Give one assignment another value."""
    places = [found.span(1) for found in re.finditer(r"=([^\n]*)", text)]
    if not places:
        return text
    start, end = rng.choice(places)
    return text[:start] + rng.choice(NASTY) + text[end:]


def _lines(text: str, rng: random.Random) -> str:
    lines = text.split("\n")
    change = rng.choice(("double", "swap", "drop", "many"))
    a, b = (rng.randrange(len(lines)) for _ in range(2))
    if change == "swap":
        lines[a], lines[b] = lines[b], lines[a]
    elif change == "drop":
        del lines[a]
    else:
        lines[b:b] = [lines[a]] * (2000 if change == "many" else 1)
    return "\n".join(lines)


def _letters(text: str, rng: random.Random) -> str:
    at = rng.randrange(len(text)) if text else 0
    return text[:at] + chr(rng.randrange(0x250)) + text[at + 1 :]


TEXT_CHANGES: tuple[Callable[[str, random.Random], str], ...] = (
    *(_insert, _cut, _new_value, _new_value, _lines, _letters),
)


def mutate_bytes(content: bytes, rng: random.Random) -> bytes:
    """Return the bytes with some changed, one piece cut out or the end cut off."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 5, 100)) if changed else 0):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    if rng.random() < 0.2:
        start = rng.randint(0, len(changed))
        del changed[start : start + rng.choice((1, 100, 10**9))]
    return bytes(changed)


def mutate_json_line(line: str, rng: random.Random) -> str:
    """Return the line of JSON with one member replaced or taken out; as it is if it is none."""
    try:
        record = json.loads(line)
    except ValueError:
        return line
    spot = rng.choice(list(_spots((record,))))
    holder, key = spot
    if holder is None:
        return json.dumps(rng.choice(VALUES))
    if rng.random() < 0.2:
        del holder[key]
    else:
        holder[key] = rng.choice(VALUES)
    return json.dumps(record)


def _spots(parents: tuple[Any, ...]) -> list[tuple[Any, Any]]:
    """Return every holder and key in a JSON value; the value itself has no holder."""
    spots: list[tuple[Any, Any]] = [(None, None)]
    todo = list(parents)
    while todo:
        value = todo.pop()
        keys = value if isinstance(value, dict) else range(len(value)) if _is_list(value) else ()
        spots += [(value, key) for key in keys]
        todo += [value[key] for key in keys]
    return spots


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def mutate_rows(path: Path, rng: random.Random) -> None:
    """Change one to three cells of a store, some of them within their JSON."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA ignore_check_constraints = ON")
        db.text_factory = bytes
        for _ in range(rng.randint(1, 3)):
            table = rng.choice(list(COLUMNS))
            column = rng.choice(COLUMNS[table])
            _change_cell(db, table, column, rng)


def _change_cell(db: sqlite3.Connection, table: str, column: str, rng: random.Random) -> None:
    key = "key" if table == "meta" else "number" if table == "trials" else "trial"
    rows = db.execute(f"SELECT {key}, {column} FROM {table}").fetchall()
    if not rows:
        return
    where, cell = rng.choice(rows)
    value = rng.choice(BLOBS)
    if isinstance(cell, bytes) and rng.random() < 0.7:
        value = mutate_json_line(cell.decode("utf-8", "replace"), rng)
    if isinstance(where, bytes):
        where = where.decode("utf-8", "replace")
    if isinstance(value, str):
        value = value.encode("utf-8", "surrogatepass")
    how = "cast(? AS TEXT)" if isinstance(value, bytes) else "?"
    with suppress(sqlite3.Error):  # a constraint that the store keeps by itself
        db.execute(f"UPDATE {table} SET {column} = {how} WHERE {key} = ?", (value, where))
