"""Rules as texts and as objects are one; a text that is none is refused at its place."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from schedulergodx import conditions
from schedulergodx.conditions import (
    Condition,
    OwnConditions,
    after_all_fail,
    after_all_finish,
    after_all_success,
    after_any_fail,
    after_any_finish,
    after_any_success,
    after_fail,
    after_finish,
    after_success,
    after_terminate,
    always,
    cron,
    crontime,
    daily,
    env,
    every,
    failed,
    false,
    finished,
    hourly,
    inacted,
    minutely,
    monthly,
    param,
    parse,
    retry,
    running,
    scheduler_running,
    scheduler_started,
    secondly,
    started,
    succeeded,
    terminated,
    time_of_day,
    time_of_hour,
    time_of_minute,
    time_of_month,
    time_of_week,
    true,
    weekly,
)
from schedulergodx.errors import BadRule

PAGE = Path(__file__).parents[3] / "docs" / "schedules.md"
SAME = [
    ("every 10 minutes", every("10 min")),
    ("every 1 hour 30 min", every(timedelta(minutes=90))),
    ("every 1 hour, 30 minutes", every(5400)),
    ("every 250 ms", every(0.25)),
    ("every 10 s based on finish", every(10, based="finish")),
    ("secondly", secondly),
    ("minutely at 30", minutely.at(30)),
    ("hourly between 10:00 and 40:30", hourly.between("10:00", "40:30")),
    ("daily", daily),
    ("DAILY Between 10:00 AND 15:00", daily.between("10:00", "15:00")),
    ("daily before 9:30", daily.before("09:30")),
    ("daily after 10:00:05", daily.after("10:00:05")),
    ("daily starting 06:00", daily.starting("06:00")),
    ("daily at 10:00", daily.at("10:00")),
    ("daily on 10:00", daily.on("10:00")),
    ("weekly on Monday", weekly.on("Mon")),
    ("weekly at fri", weekly.on("Friday")),
    ("weekly on Mon 10:00", weekly.at("Mon 10:00")),
    ("weekly between Mon and Fri", weekly.between("Mon", "Fri")),
    ("monthly on 5th", monthly.on("5th")),
    ("monthly on 31", monthly.on(31)),
    ("monthly between 1st and 3rd", monthly.between("1st", "3rd")),
    ("time of minute before 30", time_of_minute.before(30)),
    ("time of hour between 10:00 and 20:00", time_of_hour.between("10:00", "20:00")),
    ("time of day between 22:00 and 02:00", time_of_day.between("22:00", "02:00")),
    ("time of week on Sat", time_of_week.on("Saturday")),
    ("time of month after 22nd", time_of_month.after("22nd")),
    ("after task 'x'", after_success("x")),
    ("after task 'x' succeeded", after_success("x")),
    ("after task 'x' failed", after_fail("x")),
    ("after task 'x' finished", after_finish("x")),
    ("after task 'x' terminated", after_terminate("x")),
    ("after tasks 'a', 'b'", after_all_success("a", "b")),
    ("after tasks 'a','b' failed", after_all_fail("a", "b")),
    ("after tasks 'a', 'b' finished", after_all_finish("a", "b")),
    ("after any tasks 'a', 'b'", after_any_success("a", "b")),
    ("after any tasks 'a', 'b' failed", after_any_fail("a", "b")),
    ("after any tasks 'a', 'b' finished", after_any_finish("a", "b")),
    ("has succeeded", succeeded()),
    ("has succeeded today", succeeded().today),
    ("has succeeded this hour", succeeded().this_hour),
    ("has started this minute", started().this_minute),
    ("has finished this week", finished().this_week),
    ("has terminated this month", terminated().this_month),
    ("has inacted past 2 hours", inacted().past("2 hours")),
    ("has failed in past 2 hours", failed().past(7200)),
    ("has not failed today", ~failed().today),
    ("task 'x' has failed more than 3 times today", failed("x").more_than(3).today),
    ("task 'x' has failed less than 3 times", failed("x").less_than(3)),
    (
        "has succeeded today between 10:00 and 12:00",
        succeeded().today.between("10:00", "12:00"),
    ),
    ("has started this week on Mon", started().this_week.on("Mon")),
    ("task 'x' is running", running("x")),
    ("while task 'x' is running", running("x")),
    ("task 'x' is running more than 2 times", running("x").more_than(2)),
    ("task is running", running()),
    ("cron 0 9 * * mon-fri", cron("0 9 * * MON-FRI")),
    ("cron */5 * * * *", cron(minute="*/5")),
    ("cron 30 0 9 L * *", cron(second=30, minute=0, hour=9, day_of_month="L")),
    ("cron 0 9 * * MON#2", cron(minute=0, hour=9, day_of_week="MON#2")),
    ("crontime * 10-12 * * *", crontime("* 10-12 * * *")),
    ("retry", retry()),
    ("retry(3)", retry(3)),
    ("retry 3 times", retry(3)),
    ("scheduler started", scheduler_started()),
    ("scheduler started 10 minutes ago", scheduler_started("10 min")),
    ("scheduler has run over 2 hours", scheduler_running(7200)),
    ("env 'test'", env("test")),
    ("param 'x' exists", param("x")),
    ("param 'x' is 'v'", param("x", "v")),
    ("true", true),
    ("always true", always),
    ("always", true),
    ("~always false", ~false),
    ("daily & ~task 'x' is running", daily & ~running("x")),
    ("daily | hourly & minutely", daily | (hourly & minutely)),
    ("(daily | hourly) & minutely", (daily | hourly) & minutely),
    ("((daily & hourly)) & minutely", daily & hourly & minutely),
    ("~(daily | hourly)", ~(daily | hourly)),
    ("~~daily", ~~daily),
]


@pytest.mark.parametrize(("text", "condition"), SAME, ids=[text for text, _ in SAME])
def test_a_text_and_an_object_are_one(text: str, condition: Condition) -> None:
    """R26, R27, R28, R29, R30, R31, R32, R33, R34, R35, R36, R37, R38, R40, R42: each form."""
    assert parse(text) == condition
    assert hash(parse(text)) == hash(condition)
    assert parse(str(condition)) == condition


def test_a_rule_may_go_over_lines_and_names_may_hold_what_joins() -> None:
    """R38: quotes are respected, unlike in the original."""
    rule = parse(
        """
        daily between 10:00 and 15:00
            & after task 'load & clean (new)'
            | ~task "it's | here" is running
        """
    )
    assert rule == daily.between("10:00", "15:00") & after_success("load & clean (new)") | ~running(
        "it's | here"
    )


@pytest.mark.parametrize("name", ["a'b", 'a"b', "a'b\"c", "a\\b", "\\'", "a\nb", "é ~ ü", ""])
def test_any_name_prints_so_that_it_reads_back(name: str) -> None:
    assert parse(str(env(name))) == env(name)


REFUSED = [
    ("", 0, "expected a condition"),
    ("dayly", 0, "did you mean daily?"),
    ("daily between 10:00 and 25:00", 24, "a time of the day, such as 10:00"),
    ("daily beetween 10:00 and 12:00", 6, "did you mean between?"),
    ("daily between 10:00", 19, "expected and"),
    ("daily &", 7, "expected a condition"),
    ("& daily", 0, "expected a condition"),
    ("daily & | hourly", 8, "expected a condition"),
    ("(daily", 6, "a parenthesis is not closed"),
    ("daily)", 5, "no parenthesis that this one closes"),
    ("daily ~hourly", 6, "expected & or | before this"),
    ("daily hourly", 6, "expected between"),
    ("weekly on Fryday", 10, "did you mean Friday?"),
    ("monthly on 32nd", 11, "a day of the month"),
    ("hourly at 10:60", 10, "minutes and seconds of the hour"),
    ("minutely at 60", 12, "a second of the minute"),
    ("secondly at 5", 9, "a second has no parts"),
    ("daily before 00:00", 13, "nothing of a day is before that"),
    ("weekly before Mon", 14, "nothing of a week is before that"),
    ("time of day at 10:00", 12, "an instant is no stretch of time"),
    ("time of day", 11, "expected between"),
    ("every", 5, "expected a duration"),
    ("every banana", 6, "expected a duration"),
    ("every 0 s", 6, "expected a duration"),
    ("every 1e999 s", 6, "expected a duration"),
    ("every 99999 weeks", 6, "expected a duration"),
    ("every 10 min based on luck", 22, "run, finish, success or fail"),
    ("after task x", 11, "the name of a task in quotes"),
    ("after task 'x", 11, "never closed"),
    ("scheduler has run 3 cycles", 14, "does not go round in cycles"),
    ("daily & scheduler has more than 3 cycles", 22, "say how long it has run"),
    ("after task 'x' suceeded", 15, "did you mean succeeded?"),
    ("after tasks 'a',", 16, "the name of a task in quotes"),
    ("has succeeded yesterday", 14, "this, today or past"),
    ("retry(x)", 6, "a whole number from 1 on"),
    ("retry(0)", 6, "a whole number from 1 on"),
    ("param 'x' is v", 13, "the value in quotes"),
    ("cron 1 2 3", 5, "5 fields"),
    ("cron 99 * * * *", 5, "minute"),
    ("cron 0 0 30 2 *", 5, "day-of-month"),
    ("daily\n  & beetween", 10, "there is no condition 'beetween'"),
    ("(" * 200 + "daily", 50, "more than 50 deep"),
    ("~" * 5000 + "daily", 50, "more than 50 deep"),
]


@pytest.mark.parametrize(("text", "place", "says"), REFUSED, ids=[one[0][:40] for one in REFUSED])
def test_a_wrong_text_is_refused_at_its_place(text: str, place: int, says: str) -> None:
    with pytest.raises(BadRule) as caught:
        parse(text)
    assert says in str(caught.value)
    assert caught.value.place == place
    assert caught.value.rule == text


def test_the_place_is_shown_under_its_own_line() -> None:
    with pytest.raises(BadRule) as caught:
        parse("daily\n\t& weekly on Fryday\n& hourly")
    assert str(caught.value).splitlines()[1:] == [
        "            & weekly on Fryday",
        "                        ^",
    ]


NEVER = [
    ("daily & false", "false is never true"),
    ("~true", "~true is never true"),
    ("false | ~always", "false is never true"),
    ("daily & ~daily", "~daily is the opposite of daily"),
    ("time of day before 10:00 & time of day after 12:00", "never at the same time"),
    ("daily between 10:00 and 11:00 & ~time of day between 9:00 and 12:00", "never at the same"),
    ("time of week on Mon & weekly on Tue", "never at the same time"),
    ("time of hour before 10:00 & time of hour after 10:00", "never at the same time"),
    ("time of month on 30th & time of month on 31st & time of month on 1st", "never at"),
]


@pytest.mark.parametrize(("text", "reason"), NEVER, ids=[one[0] for one in NEVER])
def test_a_rule_that_can_never_hold_is_refused(text: str, reason: str) -> None:
    with pytest.raises(BadRule, match="can never hold") as caught:
        parse(text)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "daily | false",
        "daily at 10:00 & time of day after 12:00",  # it stays due until it is two
        "time of month on 29th & time of week on Mon & crontime * * * 2 *",
        "time of month on 30th & time of month on 31st",  # both are the last day of February
        "~daily",
        "time of day between 22:00 and 02:00 & time of day before 01:00",
    ],
)
def test_a_rule_that_holds_rarely_is_not_refused(text: str) -> None:
    parse(text)


def test_conditions_of_the_users_own_are_found_by_their_words() -> None:
    """R39: registered by words or by a pattern whose groups are its arguments."""
    own = OwnConditions()
    own.add("is foo", lambda: True)
    own.add(re.compile(r"is (?P<what>\w+) over (?P<limit>\d+)"), lambda what, limit: what == limit)
    rule = parse("daily & is   foo | ~is load over 9 & (hourly)", own)
    assert str(rule) == "daily & is foo | ~is load over 9 & hourly"
    assert parse(str(rule), own) == rule
    assert own.ask("is foo", {}, 0.0, 0.0).holds
    assert not own.ask(
        r"is (?P<what>\w+) over (?P<limit>\d+)", {"what": "a", "limit": "9"}, 0, 0
    ).holds
    with pytest.raises(BadRule, match="there is no condition 'is bar'"):
        parse("is bar", own)
    with pytest.raises(LookupError, match="is bar"):
        own.ask("is bar", {}, 0.0, 0.0)


def test_a_condition_is_not_asked_for_its_truth() -> None:
    with pytest.raises(TypeError, match="&"):
        bool(daily and hourly)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: every("soon"),
        lambda: every(0),
        lambda: every(10, based="luck"),
        lambda: daily.between("10:00", "noon"),
        lambda: succeeded().between("10:00", "12:00"),
        lambda: time_of_day.at("10:00"),
        lambda: cron("1 2 3"),
        lambda: after_all_success(),
        lambda: after_success(7),
        lambda: retry(0),
        lambda: running("x").more_than(-1),
    ],
)
def test_a_wrong_object_is_refused_as_a_wrong_text_is(wrong: object) -> None:
    with pytest.raises(BadRule):
        wrong()  # type: ignore[operator]


def rows() -> list[tuple[str, str]]:
    """(texts, objects) of the table of rules in the docs."""
    table = PAGE.read_text().split("| holds |")[1].split("\n\n")[0]
    cells = [line.split(" | ") for line in table.splitlines() if line.startswith("| `")]
    return [(row[0], row[1]) for row in cells]


@pytest.mark.parametrize(("texts", "objects"), rows())
def test_each_row_of_the_docs_is_as_it_says(texts: str, objects: str) -> None:
    """R40: the first text of a row is its first object."""
    text, written = (re.findall("`([^`]+)`", one)[0] for one in (texts, objects))
    assert parse(text) == eval(written, vars(conditions))


@pytest.mark.parametrize("name", conditions.__all__)
def test_each_name_is_in_the_docs(name: str) -> None:
    assert re.search(rf"\b{name}\b", PAGE.read_text()), name


def test_the_library_for_cron_is_loaded_when_a_cron_line_is_used() -> None:
    script = (
        "import sys; from schedulergodx.conditions import parse, daily; parse('daily at 10:00');"
        "assert 'cronsim' not in sys.modules; parse('cron 0 9 * * *');"
        "assert 'cronsim' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_without_the_library_a_cron_line_is_read_and_what_is_missing_is_named() -> None:
    script = (
        "import sys; sys.modules['cronsim'] = None\n"
        "from schedulergodx.conditions import cron, next_fires\n"
        "from tests.core.conditions.past import Past, UTC\n"
        "rule = cron('0 9 * * *')\n"
        "next_fires(rule, 0.0, UTC, Past(), 1)"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "pip install 'schedulergodx[service]'" in run.stderr
