"""What holds for any rule, any history and any text."""

from __future__ import annotations

from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from schedulergodx.core.conditions.base import Condition, due
from schedulergodx.core.conditions.possible import why_never
from schedulergodx.core.conditions.preview import next_fires
from schedulergodx.core.conditions.reading import parse
from schedulergodx.errors import BadRule
from tests.core.conditions.making import BEGIN, CONDITIONS, RULE_LIKE, YEAR, ZONES, histories

NOWS = st.floats(BEGIN, BEGIN + YEAR)


@settings(max_examples=150, deadline=None)
@given(CONDITIONS)
def test_the_text_of_a_rule_reads_back_as_an_equal_rule(condition: Condition) -> None:
    """R40: the text and the object are one."""
    text = str(condition)
    if why_never(condition) is None:
        assert parse(text) == condition
        assert str(parse(text)) == text
    else:
        try:
            parse(text)
        except BadRule as error:
            assert "can never hold" in str(error)
        else:
            raise AssertionError(text)


@settings(max_examples=250, deadline=None)
@given(st.data(), CONDITIONS, NOWS, ZONES)
def test_a_rule_does_not_change_before_it_says_so(data, condition, now, zone) -> None:
    """Nobody needs to look in between: that is why nothing polls."""
    history = data.draw(histories(now))
    view = condition.view(history.at(now, zone))
    assert view.since <= now
    assert view.changes is None or view.changes > now
    end = now + YEAR if view.changes is None else view.changes
    between = st.floats(now, end, exclude_max=True) | st.floats(max(now, end - 1), end)
    later = data.draw(between)
    assume(later < end)
    assert condition.view(history.at(later, zone)).holds is view.holds


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(st.data(), CONDITIONS.filter(lambda one: not one.level), NOWS, ZONES)
def test_a_fire_ends_what_made_it(data, condition, now, zone) -> None:
    """After it the rule does not hold, unless another end of a task waits, or it is a level."""
    history = data.draw(histories(now))
    assume(due(condition, history.at(now, zone)).holds)
    for _ in range(20):
        history.fire(condition, now, zone)
        history.under_way[None] = 1
        if not due(condition, history.at(now, zone)).holds:
            return
    raise AssertionError(f"{condition} fires again and again")


@settings(max_examples=80, deadline=None)
@given(st.data(), CONDITIONS, NOWS, ZONES)
def test_the_next_fires_come_in_order_and_hold(data, condition, now, zone) -> None:
    history = data.draw(histories(now))
    found = next_fires(condition, now, zone, history, 4)
    assert found == sorted(set(found))
    assert all(one >= now for one in found)
    if found:
        assert condition.view(history.at(found[0], zone)).holds


@settings(max_examples=500, deadline=None)
@given(RULE_LIKE | st.text() | st.text(alphabet="daily &|~()'\"\\,0123:\n"))
@example("'\\")
@example("cron \u0663 * * * *")
@example("daily between \u0661\u0660:00 and 12:00")
@example("every \u0663 min")
@example("retry(\u00b2)")
@example("cron L-1 L L L L")
@example("cron 0 0 L-3 * *")
@example("cron 0 0 LW,L/2 * 1#1-3")
@example("cron 0 0 L-L * L")
@example("cron 0 0 * * 5#")
@example("cron 0 0 1-31/L * *")
def test_any_text_is_a_rule_or_is_refused(text: str) -> None:
    try:
        condition = parse(text)
    except BadRule as error:
        assert str(error)
        assert error.place is None or 0 <= error.place <= len(text)
    else:
        assert parse(str(condition)) == condition
