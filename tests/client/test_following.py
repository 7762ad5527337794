"""What follows from what a service sends of a job: events, each once and in order."""

from __future__ import annotations

import threading
from typing import Any
from uuid import uuid4

import pytest

from schedulergodx import NoJob, Output, Progress, Reason, StatusChange, current_job
from schedulergodx.client import AsyncClient, Client
from schedulergodx.client import following as module
from schedulergodx.client.following import Following
from schedulergodx.core.follow import JobNews, Piece
from schedulergodx.core.job import Status
from schedulergodx.errors import ResultTimeout, UnknownJob
from tests.client.small_service import SmallService

UID = b"u" * 16
RUNS, DONE = Status.RUNNING, Status.COMPLETED
SOON = 20


def events(*news: JobNews) -> list[object]:
    following = Following(UID)
    for one in news:
        following.feed(one)
    return list(following.take())


def runs(*pieces: Piece, attempt: int = 1, **fields: Any) -> JobNews:
    return JobNews(UID, RUNS, attempt, pieces=pieces, **fields)


def test_a_state_that_comes_again_is_no_event() -> None:
    assert events(JobNews(UID, Status.PENDING, 0), runs(), runs(), JobNews(UID, DONE, 1)) == [
        StatusChange(Status.PENDING, 0),
        StatusChange(RUNS, 1),
        StatusChange(DONE, 1),
    ]


def test_output_that_comes_twice_or_in_parts_is_seen_once() -> None:
    assert events(
        runs(Piece(1, 0, b"hello ")),
        runs(Piece(1, 0, b"hello ")),
        runs(Piece(1, 3, b"lo wor")),
        runs(Piece(1, 9, b"ld")),
    )[1:] == [Output("hello "), Output("wor"), Output("ld")]


def test_what_was_left_out_is_said_where_it_is_missing_and_at_the_end() -> None:
    assert events(
        runs(Piece(1, 0, b"a"), Piece(1, 10, b"b")),
        JobNews(UID, DONE, 1, printed=20),
    ) == [
        StatusChange(RUNS, 1),
        Output("a"),
        Output("b", left_out=9),
        Output("", left_out=9),
        StatusChange(DONE, 1),
    ]


def test_a_character_that_is_cut_in_two_is_whole() -> None:
    first, second = "é".encode()[:1], "é".encode()[1:]
    texts = [
        e.text
        for e in events(runs(Piece(1, 0, first)), runs(Piece(1, 1, second)))
        if isinstance(e, Output)
    ]
    assert "".join(texts) == "é"


def test_each_attempt_prints_from_its_beginning() -> None:
    failed = JobNews(UID, Status.SCHEDULED, 1, text="it raised", pieces=(Piece(1, 0, b"one"),))
    last = JobNews(UID, DONE, 2, printed=3, pieces=(Piece(2, 0, b"two"),))
    assert events(runs(), failed, runs(Piece(1, 0, b"one"), attempt=2), last) == [
        StatusChange(RUNS, 1),
        Output("one"),
        StatusChange(Status.SCHEDULED, 1, "it raised"),
        StatusChange(RUNS, 2),
        Output("two"),
        StatusChange(DONE, 2),
    ]


def test_of_progress_that_nobody_has_taken_the_newest_is_kept() -> None:
    told = [runs(progress=Progress(n, 9)) for n in (1, 2, 2, 3)]
    assert events(*told) == [StatusChange(RUNS, 1), Progress(3, 9)]


def test_after_the_end_there_is_nothing() -> None:
    assert events(JobNews(UID, DONE, 1), runs(Piece(1, 0, b"late"))) == [StatusChange(DONE, 1)]


def test_who_takes_nothing_loses_the_oldest_output_and_no_status() -> None:
    data, times = b"x" * (100 << 10), 50
    pieces = [runs(Piece(1, n * len(data), data)) for n in range(times)]
    seen = events(*pieces, JobNews(UID, DONE, 1))
    outputs = [event for event in seen if isinstance(event, Output)]
    assert sum(len(output.text) for output in outputs) <= 1 << 20
    told = sum(len(output.text) + output.left_out for output in outputs)
    assert told == times * len(data), "what is not there is counted"
    assert seen[0] == StatusChange(RUNS, 1)
    assert seen[-1] == StatusChange(DONE, 1)


def test_progress_knows_its_share() -> None:
    assert Progress(1, 4).fraction == 0.25
    assert Progress(9, 4).fraction == 1
    assert Progress(1).fraction is Progress(None, 4).fraction is Progress(1, 0).fraction is None


# -- on brokers -----------------------------------------------------------------------------------


@pytest.fixture(params=["memory", "spool", "rabbit"])
def url(request: pytest.FixtureRequest, tmp_path: Any) -> str:
    if request.param == "rabbit":
        return str(request.getfixturevalue("rabbit").url)
    return f"memory:{uuid4().hex}" if request.param == "memory" else f"spool:{tmp_path}/spool"


@pytest.fixture
def prefix() -> str:
    return f"{uuid4().hex[:8]}."


@pytest.fixture
def service(url: str, prefix: str) -> Any:
    with SmallService(url, prefix=prefix, hold=True) as service:
        yield service


def test_a_job_is_followed_to_its_end(service: SmallService, make_client: Any, prefix: str) -> None:
    client: Client = make_client(prefix=prefix)
    job = client.task(len).launch("abc")
    seen: list[object] = []
    for event in job.follow(timeout=SOON):
        if not seen:
            service.tell_news(JobNews(job.uid, RUNS, 1, Progress(1), pieces=(Piece(1, 0, b"hi"),)))
        seen.append(event)
        if isinstance(event, Progress):
            service.tell_news(JobNews(job.uid, DONE, 1))
    assert seen == [
        StatusChange(Status.PENDING, 1),
        StatusChange(RUNS, 1),
        Output("hi"),
        Progress(1),
        StatusChange(DONE, 1),
    ]
    assert not client._reader._followings


async def test_an_async_client_follows_as_well(
    service: SmallService, url: str, prefix: str
) -> None:
    async with AsyncClient("tester", broker=url, prefix=prefix) as client:
        job = await client.task(len).launch("abc")
        seen: list[object] = []
        async for event in job.follow(timeout=SOON):
            if not seen:
                service.tell_news(JobNews(job.uid, DONE, 1, pieces=(Piece(1, 0, b"hi"),)))
            seen.append(event)
        assert seen == [StatusChange(Status.PENDING, 1), Output("hi"), StatusChange(DONE, 1)]
        why = await job.why()
        assert (why.code, str(why)) == (Reason.BUSY, "all places are taken")


def test_a_wait_that_is_over_raises_and_forgets(
    service: SmallService, make_client: Any, prefix: str
) -> None:
    client: Client = make_client(prefix=prefix)
    job = client.task(len).launch("abc")
    with pytest.raises(ResultTimeout):
        list(job.follow(timeout=0.2))
    assert not client._reader._followings


def test_who_leaves_the_loop_follows_no_more(
    service: SmallService, make_client: Any, prefix: str
) -> None:
    client: Client = make_client(prefix=prefix)
    job = client.task(len).launch("abc")
    stream = job.follow()
    next(stream)
    stream.close()  # type: ignore[attr-defined]  # it is a generator
    assert not client._reader._followings


def test_two_threads_follow_one_job(service: SmallService, make_client: Any, prefix: str) -> None:
    client: Client = make_client(prefix=prefix)
    job = client.task(len).launch("abc")
    seen: list[list[object]] = [[], []]
    begun = threading.Barrier(3)

    def watch(mine: list[object]) -> None:
        for event in job.follow(timeout=SOON):
            mine.append(event)
            if len(mine) == 1:
                begun.wait(SOON)

    threads = [threading.Thread(target=watch, args=(mine,)) for mine in seen]
    for thread in threads:
        thread.start()
    begun.wait(SOON)
    service.tell_news(JobNews(job.uid, DONE, 1))
    for thread in threads:
        thread.join(SOON)
    assert seen[0] == seen[1] == [StatusChange(Status.PENDING, 1), StatusChange(DONE, 1)]


def test_who_follows_asks_again_before_it_is_forgotten(
    service: SmallService, make_client: Any, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also a message that is lost, as the one about the end, is made up for."""
    monkeypatch.setattr(module, "_ASK_AGAIN", 0.1)
    client: Client = make_client(prefix=prefix)
    job = client.task(len).launch("abc")
    threading.Timer(0.5, service.release).start()  # it tells no follower
    assert list(job.follow(timeout=SOON))[-1] == StatusChange(DONE, 1)


def test_an_unknown_job_can_be_neither_followed_nor_explained(
    service: SmallService, make_client: Any, prefix: str
) -> None:
    client: Client = make_client(prefix=prefix)
    stranger = client._attach(UID, label=None, queue="default", task="x")
    with pytest.raises(UnknownJob):
        next(stranger.follow())
    with pytest.raises(UnknownJob):
        stranger.why()


# -- why, and nowhere -----------------------------------------------------------------------------


def test_where_no_service_answers_that_is_the_reason(
    service: SmallService, make_client: Any, prefix: str
) -> None:
    client: Client = make_client(prefix=prefix)
    job = client.task(len).launch("abc")
    service.silent = True
    why = job.why(timeout=0.2)
    assert why.code is Reason.AWAY
    assert "sgx service run" in why.sentence
    assert client.why(job.id, timeout=0.2).code is Reason.AWAY


def test_where_no_service_serves_the_queue_that_is_the_reason(
    service: SmallService, make_client: Any, prefix: str
) -> None:
    client: Client = make_client(prefix=prefix)
    job = client.task(len).launch("abc")
    job.queue = "misspelled"
    assert job.why().code is Reason.NOT_SERVED


def test_one_line_works_in_a_job_and_outside(capsys: pytest.CaptureFixture[str]) -> None:
    job = current_job() or NoJob()
    job.progress(1, 2, "x")
    job.update(note="y")
    job.checkpoint({"any": "thing"})
    job.log("seen")
    assert (job.saved, job.cancelled, job.id, job.attempt, job.deadline) == (
        None,
        False,
        "",
        1,
        None,
    )
    assert capsys.readouterr().out == "seen\n"
