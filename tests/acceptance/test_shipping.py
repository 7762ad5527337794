"""Code as people write it: typed into files, a notebook and a command line, run by a service.

The service has none of it, and each program is a process of its own.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.folder import Folder
from tests.world import SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.acceptance.deployment import Deployment

PRICES = """\
from dataclasses import dataclass
from enum import Enum

from . import rates


class Size(Enum):
    SMALL = 1
    LARGE = 2


@dataclass(frozen=True, slots=True)
class Order:
    pieces: int
    size: Size = Size.SMALL
    total: float = 0.0


class SoldOut(Exception):
    def __init__(self, order, *, missing):
        super().__init__(f"{missing} missing")
        self.order = order
        self.missing = missing


def price(order):
    if order.pieces > rates.STOCK:
        raise SoldOut(order, missing=order.pieces - rates.STOCK)
    return Order(order.pieces, Size.LARGE, rates.taxed(order.pieces))
"""

RATES = """\
STOCK = 10


def taxed(net):
    return net * 1.5
"""

LAUNCH = """\
from schedulergodx import Client
from shop.prices import Order, Size, SoldOut, price

client = Client("shop")
task = client.task(price)
job = task.launch(Order(4))
order = job.result(timeout=30)
assert type(order) is Order and order == Order(4, Size.LARGE, 6.0)
assert order.size is Size.LARGE
try:
    task.launch(order.__class__(12)).result(timeout=30)
except SoldOut as error:
    assert (error.missing, error.order) == (2, Order(12))
    assert "rates.STOCK" in str(error.__cause__)
print(job.id)
"""

AGAIN = """\
import sys

from schedulergodx import Client

response = Client("shop").get_response(ID)
assert not any(name.startswith("shop") for name in sys.modules)
order = response.arguments["result"]
from shop.prices import Order, Size

assert type(order) is Order and order.size is Size.LARGE
print("the same")
"""

COMMAND = """\
from schedulergodx import Client

client = Client("command")
FACTOR = 3


def times(number):
    return number * FACTOR


@client.task
def work(number):
    return times(number) + 1


print(work.launch(2).result(timeout=30))
"""

CELLS = [
    "from schedulergodx import AsyncClient, Client\n\nclient = Client('notebook')\nFACTOR = 3",
    "class Thing:\n    def __init__(self, value):\n        self.value = value",
    "@client.task\ndef work(number):\n    return Thing(number * FACTOR)",
    "thing = work.launch(2).result(timeout=30)\nprint(type(thing) is Thing, thing.value)",
    "FACTOR = 5\nprint((await work.launch(2)).value)",
    "async with AsyncClient('notebook') as other:\n"
    "    print((await (await other.task(work).launch(3))).value)",
]


@pytest.fixture
def folder(shared: Deployment, tmp_path: Path) -> Iterator[Folder]:
    told = {**shared.address, "secret": SECRET}
    with closing(Folder(tmp_path / "user", **told)) as folder:
        yield folder


def test_a_package_of_the_users_own(folder: Folder) -> None:
    shop = folder.path / "shop"
    shop.mkdir()
    for name, text in {"__init__": "", "prices": PRICES, "rates": RATES}.items():
        (shop / f"{name}.py").write_text(text)
    id = folder.output("launch.py", LAUNCH).splitlines()[-1]
    assert folder.output("again.py", AGAIN.replace("ID", repr(id))) == "the same\n"


def test_code_on_the_command_line(folder: Folder) -> None:
    done = subprocess.run(
        [sys.executable, "-c", COMMAND],
        env=folder.environ,
        cwd=folder.path,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "7\n"


def test_a_notebook(folder: Folder) -> None:
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    cells = [nbformat.v4.new_code_cell(cell) for cell in CELLS]
    notebook = nbformat.v4.new_notebook(cells=cells)
    where = {"metadata": {"path": str(folder.path)}}
    client = nbclient.NotebookClient(notebook, timeout=60, resources=where)
    client.execute(env={**folder.environ, "JUPYTER_RUNTIME_DIR": str(folder.path)})
    printed = [out["text"].strip() for cell in notebook.cells for out in cell["outputs"]]
    assert printed == ["True 6", "10", "15"]
