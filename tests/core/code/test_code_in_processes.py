"""Clients of every kind: restarted, with another hash seed, scripts, notebooks; and odd workers."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.core.code.crossing import Crossing


@pytest.fixture
def crossing(tmp_path: Path) -> Crossing:
    return Crossing(tmp_path)


ASK = """
import pickle
from remote import Remote
from shop.models import Color, Failed, Frozen, Pair, Planet, Plain, Point, Row

def function(p):
    return [p, Child(1, 2), Point(1), Frozen(1), Color.RED, Planet.MARS, Pair(1), Row("a")]

def fail(p):
    raise Failed(1, detail="x")

from shop.models import Child
run = Remote()
pickle.dump([run.ask(function, (Plain(1),)), run.ask(fail, (Plain(1),))], open("answers", "wb"))
run.close()
"""
OPEN = """
import pickle
import sys
from schedulergodx.core.code import Unpacker

returned, raised = pickle.load(open("answers", "rb"))
unpacker = Unpacker()
assert not any(name.startswith("shop") for name in sys.modules)
values = unpacker.load_value(*returned[1:3])
error = unpacker.load_value(*raised[1:3])
from shop import models
classes = [models.Plain, models.Child, models.Point, models.Frozen, models.Color, models.Planet]
assert [type(value) for value in values] == [*classes, models.Pair, models.Row]
assert values[4] is models.Color.RED
assert type(error) is models.Failed and error.detail == "x"
print("the same")
"""


def test_a_restarted_client_gets_instances_of_its_own_classes(crossing: Crossing) -> None:
    crossing.write("ask.py", ASK)
    crossing.write("open.py", OPEN)
    crossing.client("ask.py")
    assert crossing.client("open.py") == "the same"


def test_a_client_whose_class_has_changed_since_gets_its_new_class(crossing: Crossing) -> None:
    crossing.write("ask.py", ASK)
    crossing.client("ask.py")
    models = crossing.project / "shop" / "models.py"
    models.write_text(models.read_text().replace("def moved(", "def shifted("))
    crossing.write("open.py", OPEN + "print(hasattr(values[2], 'shifted'))")
    assert crossing.client("open.py") == "the same\nTrue"


def test_who_does_not_have_the_classes_gets_copies_of_them(crossing: Crossing) -> None:
    crossing.write("ask.py", ASK)
    crossing.client("ask.py")
    (crossing.project / "shop").rename(crossing.project / "moved")
    crossing.write(
        "open.py",
        """
import pickle
from schedulergodx.core.code import Unpacker

returned, raised = pickle.load(open("answers", "rb"))
unpacker = Unpacker()
for hash, body in {**returned[3], **raised[3]}.items():
    unpacker.add_unit(hash, body)
first, second = (unpacker.load_value(*returned[1:3]) for _ in range(2))
error = unpacker.load_value(*raised[1:3])
assert first[0].half == 0.5 and first[2].moved(1).x == 2 and first[4].name == "RED"
assert type(first[2]) is type(second[2]) and first[4] is second[4]
print(type(error).__qualname__, error.detail)
""",
    )
    assert crossing.client("open.py") == "Failed x"


def test_a_class_that_can_no_longer_take_an_old_result_gives_way_to_the_one_that_came(
    crossing: Crossing,
) -> None:
    crossing.write("ask.py", ASK)
    crossing.client("ask.py")
    models = crossing.project / "shop" / "models.py"
    models.write_text(models.read_text().replace("    RED = 1\n", "").replace("= RED\n", "= 3\n"))
    text = models.read_text().replace("Color.RED", "Color.ROUGE")
    models.write_text(text)
    crossing.write(
        "open.py",
        """
import pickle
from schedulergodx.core.code import Unpacker
from shop import models

(_, body, needs, units), _ = pickle.load(open("answers", "rb"))
unpacker = Unpacker()
for hash, unit in units.items():
    unpacker.add_unit(hash, unit)
value = unpacker.load_value(body, needs)[4]
print(value.name, type(value) is models.Color)
""",
    )
    assert crossing.client("open.py") == "RED False"


HASHES = """
from schedulergodx.core.code import Packer
from shop import decorated, late, models, money

WORDS = {"a", "b", "c", "d", "e", ("t", 1), frozenset({"x", "y", "z"}), 1, 2.5, None}

def constants(x):
    return x in {"one", "two", "three", "four"} or WORDS

def everything():
    return models, decorated.fibonacci, decorated.described

def classes():
    return [value for value in vars(models).values()]

packer = Packer()
local = models.local_class(3)
functions = [constants, everything, classes, late.dotted, money.taxed, decorated.greet, local]
functions += [value for value in vars(models).values() if isinstance(value, type)]
for function in functions:
    print(function.__qualname__, packer.pack_function(function).hash.hex())
for value in (models.Point(1), models.Frozen(1), models.Color.RED, models.Fast(), local(1)):
    packed = packer.pack_arguments((value,), {})
    print(packed.body.hex(), [unit.hex() for unit in packed.units])
"""


def test_a_function_has_one_hash_in_all_processes(crossing: Crossing) -> None:
    crossing.write("hashes.py", HASHES)
    compiled = crossing.client("hashes.py", PYTHONHASHSEED="1", PYTHONDONTWRITEBYTECODE="1")
    assert crossing.client("hashes.py", PYTHONHASHSEED="2") == compiled
    cached = crossing.client("hashes.py", PYTHONHASHSEED="3")
    assert cached == compiled
    assert len(cached.splitlines()) > 40


def test_the_hash_changes_with_the_code_it_uses(crossing: Crossing) -> None:
    crossing.write(
        "hash.py", HASHES.replace("for function in functions", "for function in [money.quadruple]")
    )
    before = crossing.client("hash.py").splitlines()[0]
    money = crossing.project / "shop" / "money.py"
    money.write_text(money.read_text().replace("return 2 * x", "return x + x"))
    assert crossing.client("hash.py").splitlines()[0] != before


SCRIPT = """
import sys
from dataclasses import dataclass
from remote import Remote

OFFSET = 1
calls = 0

@dataclass
class Mine:
    x: int

    def more(self):
        return Mine(self.x + OFFSET)

class Wrong(Exception):
    pass

def helper(mine):
    global calls
    calls += 1
    if mine.x > 5:
        raise Wrong(mine)
    return mine.more()

def function(mine):
    return helper(mine), isinstance(mine, Mine), calls, __name__

run = Remote()
result, same, count, name = run(function, Mine(1))
assert type(result) is Mine and result == Mine(2) and same and count == 1
assert name == "__main__"
try:
    run(function, Mine(9))
except Wrong as error:
    assert type(error.args[0]) is Mine
run.close()
print("ran")
"""


def test_a_script(crossing: Crossing) -> None:
    crossing.write("script.py", SCRIPT)
    assert crossing.client("script.py") == "ran"


def test_a_module_that_is_run(crossing: Crossing) -> None:
    crossing.write(
        "shop/tool.py", SCRIPT.replace("OFFSET = 1", "from .money import COUNT\nOFFSET = 1 + COUNT")
    )
    assert crossing.client("-m", "shop.tool") == "ran"


def test_code_on_the_command_line(crossing: Crossing) -> None:
    assert crossing.client("-c", SCRIPT) == "ran"


def test_a_notebook(crossing: Crossing) -> None:
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    parts = re.split(r"\n\n(?! )", SCRIPT)
    redefined = """
old = result
@dataclass
class Mine:
    x: int

    def more(self):
        return Mine(self.x + 100)

run = Remote()
result = run(function, Mine(1))[0]
assert type(result) is Mine and result.x == 101 and type(old) is not Mine
old_again = run(lambda mine: mine, old)
assert type(old_again) is type(old)
answer = run.ask(lambda mine: mine, (Mine(1),))
exec("@dataclass\\nclass Mine:\\n    x: int\\n")
assert type(run.open(answer)) is Mine
run.close()
print("ran again")
"""
    cells = [nbformat.v4.new_code_cell(part) for part in [*parts, redefined]]
    notebook = nbformat.v4.new_notebook(cells=cells)
    client = nbclient.NotebookClient(
        notebook, timeout=60, resources={"metadata": {"path": str(crossing.project)}}
    )
    client.execute(env=crossing.environment(JUPYTER_RUNTIME_DIR=str(crossing.project)))
    printed = [out["text"].strip() for cell in notebook.cells for out in cell["outputs"]]
    assert printed == ["ran", "ran again"]


def test_classes_of_two_scripts_are_not_taken_for_each_other(crossing: Crossing) -> None:
    crossing.write(
        "one.py",
        SCRIPT.replace(
            "run.close()",
            """
import pickle
pickle.dump(run.ask(function, (Mine(1),)), open("answer", "wb"))
run.close()
""",
        ),
    )
    crossing.client("one.py")
    crossing.write(
        "two.py",
        """
import pickle
from schedulergodx.core.code import Unpacker

class Mine:
    pass

_, body, needs, units = pickle.load(open("answer", "rb"))
unpacker = Unpacker()
for hash, unit in units.items():
    unpacker.add_unit(hash, unit)
print(unpacker.load_value(body, needs)[0])
""",
    )
    assert crossing.client("two.py") == "Mine(x=2)"


def test_an_installed_package_that_the_worker_lacks_is_named(crossing: Crossing) -> None:
    crossing.write(
        "extra/site-packages/charts/__init__.py", "def draw(): return 1\nclass Chart: pass\n"
    )
    crossing.write(
        "script.py",
        """
import charts
from remote import Remote, Unopened

def by_module():
    return charts.draw()

def by_function(draw=charts.draw):
    return draw()

def by_argument(chart):
    return chart

def inside():
    import charts
    return charts.draw()

run = Remote()
for function, args in ((by_module, ()), (by_function, ()), (by_argument, (charts.Chart(),))):
    try:
        run(function, *args)
    except Unopened as error:
        print(*error.args[:2])
try:
    run(inside)
except ModuleNotFoundError as error:
    print("its own", error.name)
run.close()
""",
    )
    environment = crossing.environment()
    path = f"{crossing.project}/extra/site-packages:{environment['PYTHONPATH']}"
    printed = crossing.client("script.py", PYTHONPATH=path)
    assert printed.splitlines() == ["MissingModule charts"] * 3 + ["its own charts"]


def test_the_guess_of_what_is_the_users_own_can_be_corrected(crossing: Crossing) -> None:
    crossing.write(
        "extra/site-packages/charts.py", "def draw(): return line()\ndef line(): return 1\n"
    )
    crossing.write(
        "script.py",
        """
import charts
import shop.money
from remote import Remote, Unopened
from schedulergodx.core.code import Packer

run = Remote(Packer(by_value=["charts"], by_reference=[shop]))
print(run(lambda: charts.draw()))
try:
    run(lambda: shop.money.double(1))
except Unopened as error:
    print(*error.args[:2])
run.close()
run = Remote(Packer(by_value=["shop.money"], by_reference=["shop"]))
print(run(lambda double: double(1), shop.money.double))
run.close()
""",
    )
    environment = crossing.environment()
    path = f"{crossing.project}/extra/site-packages:{environment['PYTHONPATH']}"
    assert crossing.client("script.py", PYTHONPATH=path).splitlines() == [
        "1",
        "MissingModule shop",
        "2",
    ]


def test_a_whole_package_can_go_by_value(crossing: Crossing) -> None:
    crossing.write("blocked/packaging.py", "raise ImportError('this one is to be sent')")
    crossing.write(
        "script.py",
        """
from packaging.requirements import Requirement
from packaging.version import InvalidVersion, Version
from remote import IMPORTABLE, Remote
from schedulergodx.core.code import Packer

def function(old, new):
    wanted = Requirement("thing[extra]>=1.2,<2; python_version > '3'")
    return max(old, Version(new)), str(wanted), wanted.marker.evaluate(), "1.5" in wanted.specifier

run = Remote(Packer(by_value=["packaging"]), importable=["blocked", *IMPORTABLE])
latest, *rest = run(function, Version("1.9"), "1.10")
assert type(latest) is Version and latest.minor == 10
print(*rest)
try:
    run(function, Version("1.9"), "nothing")
except InvalidVersion as error:
    print(error)
run.close()
""",
    )
    assert crossing.client("script.py").splitlines() == [
        'thing[extra]<2,>=1.2; python_version > "3" True True',
        "Invalid version: 'nothing'",
    ]


def test_a_worker_that_can_import_other_code_of_the_same_name_uses_what_was_sent(
    crossing: Crossing, tmp_path: Path
) -> None:
    stale = tmp_path / "stale"
    (stale / "shop").mkdir(parents=True)
    (stale / "shop" / "__init__.py").touch()
    (stale / "shop" / "money.py").write_text("def double(x): return 'stale'\n")
    (stale / "shop" / "models.py").write_text("class Plain:\n    def area(self): return 'stale'\n")
    crossing.write(
        "script.py",
        f"""
from remote import IMPORTABLE, Remote
from shop import late, money
from shop.models import Plain

run = Remote(importable=[*IMPORTABLE, {str(stale)!r}])
print(run(money.quadruple, 1), run(late.relative), run(Plain(2).area))
print(run(lambda p: p.area(), Plain(2)))
print(type(run(lambda p: p, Plain(1))) is Plain)
run.close()
""",
    )
    assert crossing.client("script.py") == "4 42 20\n20\nTrue"


def test_old_and_new_code_of_one_name_live_in_one_worker(crossing: Crossing) -> None:
    crossing.write(
        "orders.py",
        """
import pickle
import sys
from remote import Remote
from shop.models import Plain

class Order(Plain):
    pass

def function(p):
    return p.area(), isinstance(p, Plain), isinstance(p, Order)

run = Remote()
orders = []
run.send = orders.append
run.ask(function, (Order(1),))
run.ask(lambda p: p.area(), (Plain(1),))
pickle.dump(orders, open(sys.argv[1], "wb"))
""",
    )
    crossing.client("orders.py", "old")
    models = crossing.project / "shop" / "models.py"
    models.write_text(models.read_text().replace("return 10 * x", "return 11 * x"))
    crossing.client("orders.py", "new")
    crossing.write(
        "worker_of_both.py",
        """
import pickle
from remote import Remote

run = Remote()
for orders in zip(*(pickle.load(open(name, "rb")) for name in ("old", "new"))):
    for order in (*orders, *orders):
        print(run.open(run.send(order)))
run.close()
""",
    )
    old_and_new = ["(10, True, True)", "(11, True, True)"] * 2 + ["10", "11"] * 2
    assert crossing.client("worker_of_both.py").splitlines() == old_and_new


@pytest.mark.skipif(sys.platform != "linux", reason="a detail of processes on Linux")
def test_a_process_that_was_spawned_by_multiprocessing(crossing: Crossing) -> None:
    crossing.write(
        "script.py",
        """
import multiprocessing
from remote import Remote

class Mine:
    pass

def child(pipe):
    run = Remote()
    pipe.send(type(run(lambda m: m, Mine())) is Mine)
    run.close()

if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=child, args=(there,))
    process.start()
    print(here.recv())
    process.join()
""",
    )
    assert crossing.client("script.py") == "True"
