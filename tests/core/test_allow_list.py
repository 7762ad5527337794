"""A path is allowed where an entry of the list is it, or leads to it; and nowhere else."""

from __future__ import annotations

import pytest

from schedulergodx.core.allow_list import AllowList
from schedulergodx.core.job import ErrorCode


@pytest.mark.parametrize(
    ("entries", "path", "permitted"),
    [
        ([], "os.system", False),
        (["shop.tasks"], "shop.tasks.send", True),
        (["shop.tasks"], "shop.tasks.Mail.send", True),
        (["shop.tasks"], "shop.tasks", True),
        (["shop.tasks"], "shop.tasks2.send", False),
        (["shop.tasks"], "shop.other.send", False),
        (["shop.tasks"], "shop.send", False),
        (["shop.tasks"], "myshop.tasks.send", False),
        (["shop.tasks.*"], "shop.tasks.deep.send", True),
        (["shop"], "shop.tasks.deep.send", True),
        (["shop.tasks.send"], "shop.tasks.send", True),
        (["shop.tasks.send"], "shop.tasks.send_all", False),
        (["shop.tasks.send"], "shop.tasks.steal", False),
    ],
)
def test_an_entry_stands_for_itself_and_all_below(
    entries: list[str], path: str, permitted: bool
) -> None:
    assert AllowList(entries).permits(path) is permitted


@pytest.mark.parametrize(
    "entry", ["", "*", ".*", "shop.", ".shop", "shop..tasks", "shop-tasks", "a b"]
)
def test_an_entry_that_is_no_path_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match="is not the path of a module"):
        AllowList([entry])


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("send", None),
        ("mail.send", None),
        ("shop.tasks.other", None),
        ("sent", ErrorCode.UNKNOWN_FUNCTION),
        ("", ErrorCode.UNKNOWN_FUNCTION),
        ("n" * 201, ErrorCode.UNKNOWN_FUNCTION),
        ("n" * 10_000_000, ErrorCode.UNKNOWN_FUNCTION),
        ("os.system", ErrorCode.NOT_ALLOWED),
        ("shop.tasks..other", ErrorCode.NOT_ALLOWED),
        ("shop.tasks.other()", ErrorCode.NOT_ALLOWED),
        ("shop.tasks.", ErrorCode.NOT_ALLOWED),
    ],
)
def test_a_name_is_judged_without_a_look_at_any_module(name: str, code: ErrorCode | None) -> None:
    failure = AllowList(["shop.tasks"]).judge(name, {"send", "mail.send"})
    assert (failure and failure.code) == code


def test_a_slip_is_told_what_it_may_mean() -> None:
    failure = AllowList([]).judge("sedn", {"send"})
    assert failure is not None
    assert "do you mean 'send'?" in failure.text
