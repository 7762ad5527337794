"""The nodes that tests use: beside each other, killed, and gone without a trace."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.rabbitmq_node import Node
from tests.world import until

ROOT = Path(__file__).resolve().parent.parent

_PROGRAM = """
import sys
from tests.rabbitmq_node import Node
with Node() as node:
    print(node.folder, node._group.pid, flush=True)
    sys.stdin.read()
"""


def group_of(pid: int) -> list[int]:
    """The processes of a group that live."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, group, *_ = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(group) == pid and state != "Z":
            found.append(int(path.parent.name))
    return found


def test_a_node_dies_with_the_process_that_made_it(rabbitmq_server: None) -> None:
    user = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert user.stdout is not None
    folder, group = user.stdout.readline().decode().split()
    assert group_of(int(group))
    user.send_signal(signal.SIGKILL)
    user.communicate()
    until(lambda: not group_of(int(group)))
    subprocess.run(["rm", "-r", folder], check=True)


def test_a_node_keeps_its_data_over_a_kill_and_leaves_nothing(rabbitmq_server: None) -> None:
    with Node() as node:
        folder = node.folder
        first = node._group
        assert first is not None
        node.ctl("add_vhost", "kept")
        node.kill()
        until(lambda: not group_of(first.pid))
        began = time.monotonic()
        node.start()
        assert time.monotonic() - began < 60
        assert "kept" in node.ctl("list_vhosts")
        second = node._group
        assert second is not None
    until(lambda: not group_of(second.pid))
    assert not folder.exists()
