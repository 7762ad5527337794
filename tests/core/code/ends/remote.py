"""The end that has the code: what a client does, with a worker process at the other end."""

import os
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path

from schedulergodx.core.code import Packer, Unpacker

IMPORTABLE = os.environ["CROSSING_IMPORTABLE"].split(os.pathsep)
WORKER = Path(__file__).with_name("worker.py")


class Unopened(Exception):
    """The worker could not open it: the name of its error, of the module, its text."""


class Remote:
    """A worker, and a packer and an unpacker for it."""

    def __init__(self, packer=None, *, importable=IMPORTABLE):
        self.packer = packer or Packer()
        self.unpacker = Unpacker()
        self.retried = None
        self._directory = tempfile.TemporaryDirectory()
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(WORKER), *importable],
            cwd=self._directory.name,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __call__(self, function, *args, **kwargs):
        """Run it over there: its value, or its exception raised here."""
        return self.open(self.ask(function, args, kwargs))

    def ask(self, function, args=(), kwargs=None, **errors):
        """What the worker answers."""
        packed = self.packer.pack_function(function, **errors)
        arguments = self.packer.pack_arguments(args, kwargs or {})
        needed = {hash: self.packer.unit(hash) for hash in arguments.units}
        order = {
            "function": packed.hash,
            "units": {**packed.units, **needed},
            "body": arguments.body,
            "needs": arguments.units,
        }
        return self.send(order)

    def send(self, order):
        """Bytes there, bytes back."""
        pickle.dump(order, self._process.stdin)
        self._process.stdin.flush()
        return pickle.load(self._process.stdout)

    def open(self, answer, unpacker=None):
        """The value of an answer, or its exception raised."""
        kind, body, needs, units = answer
        if kind == "unopened":
            raise Unopened(body, needs, units)
        unpacker = unpacker or self.unpacker
        for hash, unit in units.items():
            unpacker.add_unit(hash, unit)
        value = unpacker.load_value(body, needs)
        if kind == "returned":
            return value
        _, *self.retried = kind
        raise value

    def close(self):
        """End the worker."""
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        self._directory.cleanup()
