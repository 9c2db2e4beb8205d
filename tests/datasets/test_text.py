"""Texts: read to the letter, no character taken for another, one clear line if they are absent."""

import hashlib
import sys

import pytest
import torch

from espalier.core.errors import UserError
from espalier.datasets.files import corpora
from espalier.datasets.text import Text, decode, encode
from espalier.datasets.text_size import count_samples

SIZE = {"TEXT_LENGTH": "0", "TEXT_CONTEXT": "128", "TEXT_STRIDE": "0"}
POEM = "Tiger Tiger, burning bright,\r\nIn the forests of the night; \u2014 \U0001f405\n"


def load(folder, **fields):
    return Text(**fields).load(folder, download=False)


def one_line(folder, **fields):
    with pytest.raises(UserError) as caught:
        load(folder, **fields)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def whole(raw):
    return decode(torch.cat([raw.train, raw.test]), raw.symbols)


@pytest.fixture
def poem(tmp_path):
    (tmp_path / "poem.txt").write_bytes(POEM.encode())
    return tmp_path


def test_a_file_is_read_to_the_letter(poem):
    raw = load(poem, corpus="file", file="poem.txt", context=4)
    assert whole(raw) == POEM
    assert raw.symbols == "".join(sorted(set(POEM)))
    assert len(raw.test) == round(len(POEM) / 10)
    assert raw.train.dtype == torch.int64
    assert whole(load(poem / "elsewhere", corpus="file", file=str(poem / "poem.txt"))) == POEM


def test_windows_follow_each_other_unless_told_otherwise(poem):
    strides = [
        load(poem, corpus="file", file="poem.txt", context=6, stride=n).stride for n in (0, 2)
    ]
    assert strides == [6, 2]


def test_less_of_a_text_keeps_its_vocabulary(poem):
    raw = load(poem, corpus="file", file="poem.txt", length=11)
    assert whole(raw) == POEM[:11]
    assert raw.symbols == "".join(sorted(set(POEM)))


def test_prose_and_code_are_the_same_each_time_and_differ():
    prose, code = (load(None, corpus=name) for name in ("prose", "code"))
    assert whole(load(None)) == whole(prose) != whole(code)
    assert len(whole(code)) == corpora.CODE_CHARACTERS
    assert len(prose.train) > 300_000
    from pydoc_data.topics import topics

    first = topics[min(topics)]
    assert whole(prose).startswith(first)


def test_the_library_is_six_million_characters_of_ascii():
    text = corpora.library()
    assert len(text) == corpora.LIBRARY_CHARACTERS == 6_000_000
    assert text.isascii() and len(set(text)) < 100
    counts = count_samples({"TEXT_CORPUS": "library", **SIZE}, None)
    assert counts.characters == len(text)


def test_the_library_is_read_in_the_order_of_its_paths(tmp_path, monkeypatch):
    files = {"b.py": "two", "a/c.py": "one", "a/test/d.py": "no", "e.py": "\u00e9", "z.txt": "no"}
    files |= {"_sysconfigdata_here.py": "no", "config-here/f.py": "no", "site-packages/g.py": "no"}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(corpora.sysconfig, "get_path", lambda name: str(tmp_path))
    monkeypatch.setattr(corpora, "LIBRARY_CHARACTERS", 6)
    assert corpora.library() == "one\ntw"
    monkeypatch.setattr(corpora, "LIBRARY_CHARACTERS", 8)
    with pytest.raises(UserError, match="has 7 characters of .* not the 8 that are read"):
        corpora.library()


def test_a_shared_vocabulary_is_one_for_prose_and_code():
    prose, code = (load(None, corpus=n, vocabulary="shared") for n in ("prose", "code"))
    own = load(None, corpus="code")
    assert prose.symbols == code.symbols
    assert set(own.symbols) < set(code.symbols)
    assert whole(own) == whole(code)


def test_no_character_is_taken_for_another():
    assert encode("cab", "abc").tolist() == [2, 0, 1]
    with pytest.raises(UserError, match="2 characters are not in the vocabulary, 'x' the first"):
        encode("axby", "ab")


def test_a_file_that_is_not_there_is_named(tmp_path):
    message = one_line(tmp_path, corpus="file", file="absent.txt")
    assert message.startswith(f"{tmp_path}/absent.txt: No such file")
    assert "CONFIG_TEXT_FILE" in one_line(tmp_path, corpus="file", file="")
    assert "Is a directory" in one_line(tmp_path, corpus="file", file=".")


def test_a_file_that_is_no_text_is_named(tmp_path):
    (tmp_path / "noise").write_bytes(b"ab\xff\xfe")
    assert "noise: not text in UTF-8 (byte 2)" in one_line(tmp_path, corpus="file", file="noise")


def test_shakespeare_is_the_published_file_or_nothing(tmp_path, monkeypatch):
    path = tmp_path / corpora.SHAKESPEARE
    assert one_line(tmp_path, corpus="shakespeare").startswith(f"{path}: No such file")
    path.write_text("To be, or not to be", encoding="utf-8")
    assert "damaged or not the published file" in one_line(tmp_path, corpus="shakespeare")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(corpora, "SHAKESPEARE_SHA256", digest)
    assert whole(load(tmp_path, corpus="shakespeare")) == "To be, or not to be"


def test_a_python_without_its_prose_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    assert "lacks pydoc_data.topics" in one_line(None)


def test_a_python_without_its_sources_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(corpora.sysconfig, "get_path", lambda name: str(tmp_path))
    assert f"{tmp_path}/argparse.py: No such file" in one_line(None, corpus="code")


def test_a_text_and_the_one_it_shifts_to_have_one_vocabulary(poem):
    (poem / "other.txt").write_text("\u00e5\u00e4\u00f6", encoding="utf-8")
    here = Text(
        corpus="file",
        file="poem.txt",
        vocabulary="shared",
        shift_corpus="file",
        shift_file="other.txt",
    )
    there = here.shifted()
    assert there.shifted() == here
    first, second = (text.load(poem, download=False) for text in (here, there))
    assert whole(first) == POEM and whole(second) == "\u00e5\u00e4\u00f6"
    assert first.symbols == second.symbols and set(POEM + "\u00e5\u00e4\u00f6") < set(first.symbols)


def test_without_a_text_to_shift_to_there_is_none():
    assert Text(shift_corpus=None).shifted() is None
