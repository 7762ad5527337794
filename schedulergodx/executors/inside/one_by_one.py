"""The pooled workers, which run one job at a time."""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from typing import TYPE_CHECKING

from schedulergodx.executors.frames import Say
from schedulergodx.executors.inside.channel import ChannelClosed
from schedulergodx.executors.inside.room import Room
from schedulergodx.executors.inside.wear import Wear

if TYPE_CHECKING:
    from schedulergodx.executors.inside.bench import Bench

TOKEN = struct.Struct("<Q")


def serve(bench: Bench, permits: int) -> None:
    """Run the job of each token that comes, until no more can come."""
    room, wear = Room(), Wear(bench.settings)
    with suppress(ChannelClosed):
        while token := os.read(permits, TOKEN.size):
            bench.run(bench.channel.job(*TOKEN.unpack(token)))
            if not room.restore() or wear.is_worn():
                bench.channel.send(Say.RETIRE, None)
                bench.channel.wait_for_the_end()
