"""Jobs that name a function: where it is found, what is refused, and that nothing is unpickled."""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from schedulergodx.core.job import ErrorCode, Execution, Failure, Spec, Status
from schedulergodx.core.json_data import write_arguments
from schedulergodx.core.registry import registry
from schedulergodx.errors import ConfigError, ServiceError
from schedulergodx.executors.base import Ended, Work
from schedulergodx.executors.functions import pack_functions
from tests.executors.rig import Rig

TASKS = """
import os, subprocess, sys
from os import system
from pathlib import Path
from functools import lru_cache, wraps
from schedulergodx import register

def log(*words):
    with Path(__file__).with_name("log").open("a") as file:
        print(*words, file=file)

log("imported")

def add(a, b):
    return a + b

class Mail:
    def __init__(self, who):
        self.who = who

    @staticmethod
    def send(to):
        return f"sent to {to}"

    def resend(self):
        return f"again to {self.who}"

mail = Mail("ann")
number = 7

@lru_cache
def cached(n):
    return n

async def later(n):
    return n

def no_json():
    log("ran no_json")
    return {1, 2}

def fail(text):
    raise ValueError(text)

def _private():
    return 1

@register(name="known")
def registered(n):
    return n + 1
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With the package `pocket`, which a fork server can import and this process has not."""
    package = tmp_path / "pocket"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "tasks.py").write_text(TASKS)
    (package / "broken.py").write_text("raise RuntimeError('not today')\n")
    (package / "lacking.py").write_text("import a_module_that_nobody_has\n")
    (package / "twin.py").write_text(
        "from schedulergodx import register\n@register(name='known')\ndef other(): pass\n"
    )
    (package / "shadow.py").write_text(
        "from schedulergodx import register\n"
        "@register(name='pocket.tasks.add')\ndef other(): return 'shadow'\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def logged(folder: Path) -> list[str]:
    path = folder / "pocket" / "log"
    return path.read_text().splitlines() if path.exists() else []


def named(rig: Rig, name: str, *args: Any, arguments: bytes | None = None, **spec: Any) -> Work:
    body = write_arguments(args, {}) if arguments is None else arguments
    seq = next(rig._seqs)
    whole = Spec(name, b"", "", "json", named=True, **spec)
    return Work(seq, 1, seq.to_bytes(16, "big"), None, "tester", 0, whole, body, ())


async def end_of(rig: Rig, name: str, *args: Any, **spec: Any) -> Ended:
    [job] = rig.submit([named(rig, name, *args, **spec)])
    ended: Ended = await job
    return ended


async def value_of(rig: Rig, name: str, *args: Any, **spec: Any) -> Any:
    ended = await end_of(rig, name, *args, **spec)
    assert ended.outcome.value is not None, ended.outcome.failure
    assert ended.outcome.json
    return json.loads(ended.outcome.value)


async def failure_of(rig: Rig, name: str, *args: Any, **spec: Any) -> Failure:
    ended = await end_of(rig, name, *args, **spec)
    assert ended.outcome.failure is not None
    return ended.outcome.failure


@pytest.mark.parametrize(
    ("name", "args", "value"),
    [
        ("pocket.tasks.add", (1, 2), 3),
        ("pocket.tasks.Mail.send", ("bob",), "sent to bob"),
        ("pocket.tasks.mail.resend", (), "again to ann"),
        ("pocket.tasks.cached", (5,), 5),
        ("pocket.tasks.later", (5,), 5),
        ("known", (1,), 2),
    ],
)
async def test_a_function_is_found_by_its_path_or_its_name(
    folder: Path, name: str, args: tuple[Any, ...], value: object
) -> None:
    async with Rig(folder / "w", workers=1, imports=("pocket.tasks",)) as rig:
        assert await value_of(rig, name, *args) == value


@pytest.mark.parametrize("execution", [e for e in Execution if e is not Execution.MAIN])
async def test_every_kind_of_execution_runs_it(folder: Path, execution: Execution) -> None:
    async with Rig(folder / "w", workers=1, imports=("pocket.tasks",)) as rig:
        assert await value_of(rig, "pocket.tasks.add", 1, 2, execution=execution) == 3
        assert await value_of(rig, "pocket.tasks.later", 4, execution=execution) == 4


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("os.system", ErrorCode.NOT_ALLOWED),
        ("subprocess.run", ErrorCode.NOT_ALLOWED),
        ("pocket.tasks.system", ErrorCode.NOT_ALLOWED),
        ("pocket.tasks.os.system", ErrorCode.NOT_ALLOWED),
        ("pocket.tasks.subprocess.run", ErrorCode.NOT_ALLOWED),
        ("pocket.tasks.Path.unlink", ErrorCode.NOT_ALLOWED),
        ("pocket.tasks.add.__globals__.get", ErrorCode.UNKNOWN_FUNCTION),
        ("pocket.tasks.add.__class__", ErrorCode.UNKNOWN_FUNCTION),
        ("pocket.tasks.Mail.__init__", ErrorCode.UNKNOWN_FUNCTION),
        ("pocket.tasks._private", ErrorCode.UNKNOWN_FUNCTION),
        ("pocket.tasks.number", ErrorCode.NOT_ALLOWED),
        ("pocket.tasks.mail", ErrorCode.UNKNOWN_FUNCTION),
        ("pocket.tasks.nothing", ErrorCode.UNKNOWN_FUNCTION),
        ("pocket.other.add", ErrorCode.NOT_ALLOWED),
        ("pocket.broken.add", ErrorCode.NOT_ALLOWED),
        ("nobody", ErrorCode.UNKNOWN_FUNCTION),
        ("eval", ErrorCode.UNKNOWN_FUNCTION),
    ],
)
async def test_what_is_not_of_an_allowed_module_is_refused(
    folder: Path, name: str, code: ErrorCode
) -> None:
    async with Rig(folder / "w", workers=1, imports=("pocket.tasks",)) as rig:
        ended = await end_of(rig, name)
        assert ended.outcome.failure is not None
        assert (ended.outcome.failure.code, ended.final) == (code, True)
        assert ended.outcome.failure.exception is None


async def test_a_module_below_an_allowed_package_is_imported_when_it_is_named(folder: Path) -> None:
    async with Rig(folder / "w", workers=1, imports=("pocket.*",)) as rig:
        assert logged(folder) == []
        assert await value_of(rig, "pocket.tasks.add", 1, 2) == 3
        assert await value_of(rig, "pocket.tasks.add", 3, 4) == 7
        assert logged(folder) == ["imported"]


async def test_a_refused_path_imports_nothing(folder: Path) -> None:
    async with Rig(folder / "w", workers=1, imports=("pocket.twin",)) as rig:
        assert (await failure_of(rig, "pocket.tasks.add", 1, 2)).code == ErrorCode.NOT_ALLOWED
        assert logged(folder) == []


@pytest.mark.parametrize(
    ("path", "code", "text"),
    [
        ("pocket.broken.f", ErrorCode.UNREADABLE_CODE, "RuntimeError: not today"),
        ("pocket.lacking.f", ErrorCode.MISSING_MODULE, "a_module_that_nobody_has"),
        ("pocket.gone.f", ErrorCode.UNKNOWN_FUNCTION, "pocket has no 'gone'"),
    ],
)
async def test_a_module_that_can_not_be_imported_ends_its_job_and_harms_no_other(
    folder: Path, path: str, code: ErrorCode, text: str
) -> None:
    """Taskit's defect 6: a failed import was swallowed, and its task pending for ever."""
    async with Rig(folder / "w", workers=1, imports=("pocket",)) as rig:
        failure = await failure_of(rig, path)
        assert failure.code == code
        assert text in failure.text
        assert await value_of(rig, "pocket.tasks.add", 1, 2) == 3


async def test_a_result_that_json_can_not_hold_is_final_and_its_function_ran_once(
    folder: Path,
) -> None:
    async with Rig(folder / "w", workers=1, imports=("pocket.tasks",)) as rig:
        ended = await end_of(rig, "pocket.tasks.no_json")
        assert ended.final
        assert ended.outcome.failure is not None
        assert ended.outcome.failure.code == ErrorCode.RESULT_NOT_SERIALIZABLE
        assert "result is of type set" in ended.outcome.failure.text
        assert logged(folder) == ["imported", "ran no_json"]


async def test_an_exception_is_told_by_its_type_text_and_traceback(folder: Path) -> None:
    async with Rig(folder / "w", workers=1, imports=("pocket.tasks",)) as rig:
        ended = await end_of(rig, "pocket.tasks.fail", "no")
        failure = ended.outcome.failure
        assert failure is not None
        assert (failure.type, failure.text) == ("builtins.ValueError", "no")
        assert "in fail" in failure.traceback
        assert (failure.exception, failure.units, ended.units) == (None, (), {})
        assert not ended.final


@pytest.mark.parametrize(
    "arguments", [b"", b"{}", b"[1]", b"[[1], [2]]", b"\x80\x05N.", b"[" * 9999]
)
async def test_arguments_that_are_no_json_are_refused(folder: Path, arguments: bytes) -> None:
    async with Rig(folder / "w", workers=1, imports=("pocket.tasks",)) as rig:
        [job] = rig.submit([named(rig, "pocket.tasks.add", arguments=arguments)])
        failure = (await job).outcome.failure
        assert failure.code == ErrorCode.UNREADABLE_CODE


@pytest.mark.parametrize(
    ("imports", "words"),
    [
        (("pocket.broken",), "not today"),
        (("pocket.gone",), "pocket.gone"),
        (("pocket.tasks.gone",), "pocket.tasks.gone"),
        (("pocket.tasks", "pocket.twin"), "'known' is the name of pocket.tasks.registered"),
        (("pocket.tasks", "pocket.shadow"), "pocket.tasks.add: it is registered for"),
    ],
)
async def test_what_can_not_be_promised_keeps_a_service_from_starting(
    folder: Path, imports: tuple[str, ...], words: str
) -> None:
    rig = Rig(folder / "w", workers=1, imports=imports)
    try:
        with pytest.raises(ServiceError, match="functions can't be called by name") as caught:
            await rig.__aenter__()
        assert words in str(caught.value)
    finally:
        await rig.executor.stop(0)


async def test_thousands_of_names_reach_the_service(folder: Path) -> None:
    (folder / "pocket" / "many.py").write_text(
        "from schedulergodx import register\n"
        "for n in range(3000):\n"
        "    register(name=f'{n:0200}')(lambda n=n: n)\n"
    )
    async with Rig(folder / "w", workers=1, imports=("pocket.many",)) as rig:
        assert len(rig.executor.names()) == 3000
        assert await value_of(rig, f"{2999:0200}") == 2999


# -- functions that a service registers in its own process -----------------------------------------


def in_this_module(n: int) -> int:
    return n + 1


async def test_a_function_of_a_module_is_named_and_one_of_a_script_is_packed(folder: Path) -> None:
    script = ModuleType("__main__")
    exec("SCALE = 3\ndef scaled(n):\n    return n * SCALE", script.__dict__)

    def local(n: int) -> int:
        return n + offset

    offset = 10
    given = {"module": in_this_module, "script": script.scaled, "local": local, "builtin": len}
    functions = pack_functions(given)
    assert functions.places == {
        "module": (__name__, "in_this_module"),
        "builtin": ("builtins", "len"),
    }
    assert set(functions.packed) == {"script", "local"}
    async with Rig(folder / "w", workers=1, functions=functions) as rig:
        assert set(rig.executor.names()) == set(given)
        values = [await value_of(rig, name, 2) for name in ("module", "script", "local")]
        assert values == [3, 6, 12]
        assert await value_of(rig, "builtin", [1, 2]) == 2
    assert not set(given) & set(registry.functions), "they are registered where workers are forked"


def test_a_script_and_a_service_that_opens_no_pickle_exclude_each_other() -> None:
    with pytest.raises(ConfigError, match="'local' can't be taken to the workers"):
        pack_functions({"local": lambda: 1, "module": in_this_module}, accept_code=False)
    assert pack_functions({"module": in_this_module}, accept_code=False).packed == {}


# -- a service that takes no code ------------------------------------------------------------------

_WATCH = """
import sys
from pathlib import Path

def watch(event, args):
    if event == "pickle.find_class":
        with Path(__file__).with_name("log").open("a") as file:
            print("a pickle was opened", args, file=file)

sys.addaudithook(watch)
"""


class Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, (f"open({str(self.path)!r}, 'w').write('boom')",))


@pytest.mark.parametrize("accept_code", [True, False])
async def test_workers_that_accept_no_code_open_no_pickle(folder: Path, accept_code: bool) -> None:
    """With code accepted the same job opens two, so this test would see them."""
    (folder / "pocket" / "audit.py").write_text(_WATCH)
    options: dict[str, Any] = {"imports": ("pocket.tasks",), "accept_code": accept_code}
    async with Rig(folder / "w", workers=1, preload=("pocket.audit",), **options) as rig:
        crater = folder / "crater"
        work = rig.work(in_this_module, 1)
        bomb = pickle.dumps(((Bomb(crater),), {}))
        work = msgspec.structs.replace(work, arguments=bomb)
        [job] = rig.submit([work])
        ended: Ended = await job
        assert ended.outcome.failure is not None
        assert crater.exists() is accept_code
        assert await value_of(rig, "pocket.tasks.add", 1, 2) == 3
        assert (await failure_of(rig, "pocket.tasks.fail", "x")).exception is None
    opened = [line for line in logged(folder) if "pickle" in line]
    assert bool(opened) is accept_code
    if not accept_code:
        assert (ended.outcome.failure.code, ended.final) == (ErrorCode.NOT_ALLOWED, True)
        assert "client.execute()" in ended.outcome.failure.text
        assert ended.outcome.status is Status.FAILED


async def test_a_module_that_starts_a_service_says_so(folder: Path) -> None:
    (folder / "pocket" / "starts.py").write_text(
        "from schedulergodx import Service\nService(workers=1).start()\n"
    )
    rig = Rig(folder / "w", workers=1, imports=("pocket.starts",))
    try:
        with pytest.raises(ServiceError, match="__main__"):
            await rig.__aenter__()
    finally:
        await rig.executor.stop(0)


async def test_a_client_in_an_imported_module_does_not_connect(folder: Path) -> None:
    (folder / "pocket" / "clients.py").write_text(
        "from schedulergodx import Client\n"
        "client = Client('inside', broker='amqp://nobody:x@127.0.0.1:1/')\n"
        "@client.register\ndef whose():\n    return client.name\n"
    )
    async with Rig(folder / "w", workers=1, imports=("pocket.clients",)) as rig:
        assert await value_of(rig, "whose") == "inside"
    assert "pocket.clients" not in sys.modules
