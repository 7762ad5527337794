"""A name belongs to one function, and who registers another says what is to become of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from schedulergodx.core.registry import OnConflict, Registry, register, registry
from schedulergodx.errors import ConfigError


def first() -> int:
    return 1


def second() -> int:
    return 2


@pytest.fixture(autouse=True)
def _own_names() -> Iterator[None]:
    before = dict(registry.functions)
    yield
    registry.functions.clear()
    registry.functions.update(before)


def test_a_function_is_registered_under_its_name_and_given_back() -> None:
    """D9: the decorator registers under `__name__` and returns the function as it is."""
    assert register(first) is first
    assert registry.functions["first"] is first
    assert register(name="mail.send")(second) is second
    assert registry.functions["mail.send"] is second


def test_another_function_of_the_name_is_an_error_that_names_both() -> None:
    names = Registry()
    names.add(first, "it")
    with pytest.raises(ConfigError, match=r"test_registry\.first, and .*test_registry\.second"):
        names.add(second, "it")
    assert names.functions == {"it": first}


def test_the_same_function_may_come_twice() -> None:
    names = Registry()
    assert names.add(first, "it") == names.add(first, "it") == "it"


@pytest.mark.parametrize(
    ("policy", "left"),
    [
        (OnConflict.IGNORE, {"it": first}),
        (OnConflict.REPLACE, {"it": second}),
        (OnConflict.RENAME, {"it": first, "it - 1": second}),
    ],
)
def test_a_conflict_ends_as_was_said(policy: OnConflict, left: dict[str, object]) -> None:
    """R2: raise, rename, ignore, replace."""
    names = Registry()
    names.add(first, "it")
    names.add(second, "it", policy)
    assert names.functions == left


def test_a_renamed_function_gets_the_next_number_that_is_free() -> None:
    names = Registry()
    functions = [lambda n=n: n for n in range(3)]
    got = [names.add(function, "it", OnConflict.RENAME) for function in functions]
    assert got == ["it", "it - 1", "it - 2"]


@pytest.mark.parametrize("bad", [lambda: 1, 7, object()])
def test_what_has_no_name_or_can_not_be_called_is_refused(bad: object) -> None:
    with pytest.raises(ConfigError):
        Registry().add(bad)  # type: ignore[arg-type]


def test_a_policy_that_there_is_not_is_refused_where_it_is_written() -> None:
    with pytest.raises(ConfigError, match="raise, rename, ignore, replace"):
        register(on_conflict="merge")


def test_a_name_that_is_too_long_is_refused() -> None:
    with pytest.raises(ConfigError, match="1 to 200 characters"):
        register(name="n" * 10_000_000)(first)
