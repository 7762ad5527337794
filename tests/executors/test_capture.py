from __future__ import annotations

import tracemalloc

from schedulergodx.executors.inside.capture import Capture


def test_what_fits_is_kept_as_it_is() -> None:
    capture = Capture(100)
    for part in ("one ", "two ", "three"):
        capture.add(part.encode())
    assert capture.text() == "one two three"


def test_of_what_does_not_fit_both_ends_are_kept() -> None:
    capture = Capture(20)
    capture.add(b"the beginning" + b"." * 1000 + b"and the end")
    text = capture.text()
    assert text.startswith("the beginn\n... ")
    assert text.endswith("\nnd the end")
    assert f"... {13 + 1000 + 11 - 20} bytes left out ..." in text


def test_many_small_writes_are_bounded_as_one_large_one() -> None:
    whole, parts = Capture(64), Capture(64)
    data = bytes(range(32, 127)) * 10
    whole.add(data)
    for byte in data:
        parts.add(bytes([byte]))
    assert parts.text() == whole.text()


def test_an_exact_fit_leaves_nothing_out() -> None:
    capture = Capture(10)
    capture.add(b"0123456789")
    assert capture.text() == "0123456789"


def test_a_character_that_is_cut_is_no_error() -> None:
    capture = Capture(3)
    capture.add("ää".encode())
    assert "left out" in capture.text()


def test_memory_does_not_grow_with_what_is_written() -> None:
    capture = Capture(1 << 16)
    line = b"x" * 99 + b"\n"
    tracemalloc.start()
    for _ in range(20_000):
        capture.add(line)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert capture.size == 2_000_000
    assert peak < 1 << 20


def test_excess_is_told_once() -> None:
    told = []
    capture = Capture(100)
    capture.most = 10
    capture.on_excess = lambda: told.append(capture.size)
    for _ in range(5):
        capture.add(b"1234")
    assert told == [12]
