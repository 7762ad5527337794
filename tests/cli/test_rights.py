"""The rights at RabbitMQ that docs/operations.md names are enough, and `sgx doctor` sees fewer."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from schedulergodx.client import Client
from tests.rabbitmq_node import Node
from tests.world import ROOT, SECRET, ServiceProcess, until

SGX = [sys.executable, "-m", "schedulergodx"]
LAUNCH = "--args [16] --wait --timeout 30 --queue a"
PAGE = (ROOT / "docs" / "operations.md").read_text()


def rights_of(who: str) -> list[str]:
    """The three regular expressions of a row in the table of rights."""
    [row] = re.findall(rf"^\| a {who} \| (.+) \|$", PAGE, re.MULTILINE)
    cells = re.split(r"(?<!\\)\|", row)
    return [cell.strip().strip("`").replace("\\|", "|") for cell in cells]


@pytest.fixture
def vhost(rabbit: Node) -> str:
    """An empty one, which goes with its node."""
    name = f"rights-{secrets.token_hex(4)}"
    rabbit.ctl("add_vhost", name)
    return name


def add_user(node: Node, vhost: str, rights: list[str]) -> str:
    """The URL of a new user with those rights."""
    name = f"user-{secrets.token_hex(4)}"
    node.ctl("add_user", name, "word")
    node.ctl("set_permissions", "-p", vhost, name, *rights)
    return f"amqp://{name}:word@127.0.0.1:{node.port}/{vhost}"


def doctor(broker: str, folder: Path, *words: str) -> tuple[int, dict[str, Any]]:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("SCHEDULERGODX_")}
    done = subprocess.run(
        [*SGX, "doctor", "--broker", broker, "--json", *words],
        cwd=folder,
        env=environ | {"PYTHONPATH": str(ROOT), "SCHEDULERGODX_SECRET": SECRET},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout, done.stderr
    return done.returncode, {found["subject"]: found for found in json.loads(done.stdout)}


def test_the_rights_that_the_docs_name_are_enough(rabbit: Node, vhost: str, tmp_path: Path) -> None:
    service = add_user(rabbit, vhost, rights_of("service"))
    client = add_user(rabbit, vhost, rights_of("client"))
    with ServiceProcess(tmp_path, broker=service, db="sqlite:///jobs.db", workers=1, queues="a"):
        code, found = doctor(client, tmp_path)
        assert (code, found["rights"]["verdict"]) == (0, "ok"), found
        launched = subprocess.run(
            [*SGX, "launch", "math:sqrt", *LAUNCH.split(), "--broker", client],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "SCHEDULERGODX_SECRET": SECRET},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert launched.stdout == "4.0\n", launched.stderr


def test_the_rights_for_dead_letters_are_enough(rabbit: Node, vhost: str, tmp_path: Path) -> None:
    service = add_user(rabbit, vhost, rights_of("service"))
    operator = add_user(rabbit, vhost, rights_of("client that handles dead letters"))
    with (
        ServiceProcess(tmp_path, broker=service, db="sqlite:///jobs.db", workers=1),
        Client("operator", broker=operator, secret=SECRET) as client,
    ):
        client.push("junk")
        until(lambda: client.dead_letters())
        [letter] = client.dead_letters()
        assert client.requeue_dead_letters(letter.id) == [letter.id]
        until(lambda: client.dead_letters())
        [letter] = client.dead_letters()
        assert client.discard_dead_letters(letter.id) == [letter.id]


@pytest.mark.parametrize("missing", range(3))
def test_doctor_finds_a_right_that_is_missing(
    rabbit: Node, vhost: str, tmp_path: Path, missing: int
) -> None:
    rights = [
        "^$" if place == missing else right for place, right in enumerate(rights_of("client"))
    ]
    code, found = doctor(add_user(rabbit, vhost, rights), tmp_path)
    assert code == 1
    assert found["rights"]["verdict"] == "problem"
    assert found["rights"]["advice"]


def test_doctor_tells_a_queue_of_another_kind(rabbit: Node, vhost: str, tmp_path: Path) -> None:
    owner = add_user(rabbit, vhost, [".*", ".*", ".*"])
    with ServiceProcess(tmp_path, broker=owner, db="sqlite:///jobs.db", workers=1):
        code, found = doctor(owner, tmp_path, "--quorum")
    assert code == 1
    assert "of another kind" in found["queue"]["text"]
    assert "quorum" in found["queue"]["advice"]
