"""The end that has no code: a process that opens what it is sent, runs it, and sends back.

Frames are pickles on stdin and stdout. It is started with `-I` in an empty directory; its first
arguments are directories to import from, none of which has code of the user.
"""

import asyncio
import inspect
import os
import pickle
import sys

sys.path[:0] = sys.argv[1:]

from schedulergodx.core.code import MissingModule, Packer, Unpacker, UnreadableCode  # noqa: E402

answers = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)  # what a job prints must not get between the frames
unpacker, packer = Unpacker(in_worker=True), Packer(in_worker=True)


def run(order):
    """(kind, body, needs, units): kind is "returned", "raised" or "unopened"."""
    for hash, body in order["units"].items():
        unpacker.add_unit(hash, body)
    try:
        loaded = unpacker.load_function(order["function"])
        args, kwargs = unpacker.load_arguments(
            order["body"], order["needs"], function=order["function"]
        )
    except (MissingModule, UnreadableCode) as error:
        return "unopened", type(error).__name__, getattr(error, "name", None), str(error)
    try:
        value = loaded.function(*args, **kwargs)
        if inspect.iscoroutine(value):
            value = asyncio.run(value)
        kind, packed = "returned", packer.pack_value(value)
    except BaseException as error:
        retried = isinstance(error, loaded.retry_on), isinstance(error, loaded.give_up_on)
        kind, packed = ("raised", *retried), packer.pack_value(error)
    return kind, packed.body, packed.units, {hash: packer.unit(hash) for hash in packed.units}


while True:
    try:
        order = pickle.load(sys.stdin.buffer)
    except EOFError:
        break
    pickle.dump(run(order), answers)
    answers.flush()
