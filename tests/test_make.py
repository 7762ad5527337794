"""`make` on machines that lack something: what it does about it, and what it says."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
APT = """#!/bin/sh
echo "apt-get $* frontend=$DEBIAN_FRONTEND policy=$(sh "$POLICY_RC_D"; echo $?)" >> "$CALLS"
"""


class Machine:
    """A machine whose programs are the stand-ins in one folder, before those that are here."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls = folder / "calls"
        self.calls.touch()
        self.has("apt-get", APT)
        self.has("id", "#!/bin/sh\necho 0\n")

    def has(self, name: str, script: str) -> Path:
        path = self.folder / name
        path.write_text(script)
        path.chmod(0o755)
        return path

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words,
            cwd=ROOT,
            env={
                "PATH": f"{self.folder}:{os.environ['PATH']}",
                "CALLS": str(self.calls),
                "POLICY_RC_D": str(self.folder / "policy-rc.d"),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_plain_make_prints_every_target_with_its_sentence(machine: Machine) -> None:
    printed = machine.run("make").stdout
    targets = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[0]
    for target in set(targets.split()) - {"programs"}:
        assert re.search(rf"^ +make {target} +[A-Z].*\.$", printed, re.MULTILINE), target


def test_an_old_python_is_refused_with_the_remedy(machine: Machine, tmp_path: Path) -> None:
    old = '#!/bin/sh\ncase "$1" in --version) echo Python 3.9.2 ;; *) exit 1 ;; esac\n'
    done = machine.run("tools/make-venv", str(machine.has("python3", old)), f"{tmp_path}/venv")
    assert done.returncode == 1
    assert "Python 3.9.2, and 3.11 or newer is needed: make PYTHON=" in done.stderr


def test_no_python_is_told(machine: Machine, tmp_path: Path) -> None:
    done = machine.run("tools/make-venv", "python3.99", f"{tmp_path}/venv")
    assert done.returncode == 1
    assert "there is no python3.99: install Python 3.11" in done.stderr


def test_where_venv_is_missing_it_is_installed_for_that_python(
    machine: Machine, tmp_path: Path
) -> None:
    python = machine.has(
        "python3",
        '#!/bin/sh\ncase "$*" in *ensurepip*) exit 1 ;; *%d*) echo 3.12 ;; *"-m venv"*) exit 1 ;;'
        " esac\n",
    )
    done = machine.run("tools/make-venv", str(python), f"{tmp_path}/venv")
    assert "python3.12-venv" in machine.calls.read_text()
    assert "can't make virtual environments yet" in done.stdout


def test_what_is_installed_is_asked_for_nothing_and_not_started(machine: Machine) -> None:
    done = machine.run("tools/install-debian", "rabbitmq-server")
    assert done.returncode == 0, done.stderr
    update, install = machine.calls.read_text().splitlines()
    assert update.startswith("apt-get -qq update")
    assert "install --yes" in install
    assert "rabbitmq-server frontend=noninteractive policy=101" in install
    assert not (machine.folder / "policy-rc.d").exists()


def test_a_policy_of_the_machine_is_left_as_it_is(machine: Machine) -> None:
    policy = machine.has("policy-rc.d", "#!/bin/sh\nexit 104\n")
    machine.run("tools/install-debian", "rabbitmq-server")
    assert policy.read_text() == "#!/bin/sh\nexit 104\n"


def test_what_cant_be_installed_is_told_with_the_way_out(machine: Machine) -> None:
    machine.has("apt-get", "#!/bin/sh\necho 'E: no such package' >&2\nexit 100\n")
    done = machine.run("tools/install-debian", "rabbitmq-server")
    assert done.returncode == 1
    assert "E: no such package" in done.stderr
    assert "install by hand: rabbitmq-server; then run make again" in done.stderr
    assert not (machine.folder / "policy-rc.d").exists()


def test_who_may_not_install_is_told_and_not_asked(machine: Machine) -> None:
    machine.has("id", "#!/bin/sh\necho 1000\n")
    machine.has("sudo", "#!/bin/sh\necho 'a password is required' >&2\nexit 1\n")
    done = machine.run("tools/install-debian", "rabbitmq-server")
    assert done.returncode == 1
    assert "no rights to install without a password; as root, install by hand" in done.stderr
    assert machine.calls.read_text() == ""


def test_without_root_it_is_installed_with_sudo(machine: Machine) -> None:
    machine.has("id", "#!/bin/sh\necho 1000\n")
    machine.has("sudo", '#!/bin/sh\nshift\n[ "$1" = env ] && shift && exec env "$@"\nexec "$@"\n')
    done = machine.run("tools/install-debian", "rabbitmq-server")
    assert done.returncode == 0, done.stderr
    assert "install --yes" in machine.calls.read_text()
