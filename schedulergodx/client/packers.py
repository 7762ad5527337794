"""The packers of one client: one for each way to tell which code travels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schedulergodx.core import context

if TYPE_CHECKING:
    from schedulergodx.client.options import Options
    from schedulergodx.core.code import Packer


class Packers:
    """Finds the packer for some options."""

    def __init__(self) -> None:
        self._packers: dict[tuple[tuple[str, ...], tuple[str, ...]], Packer] = {}

    def find(self, options: Options) -> Packer:
        """The packer of functions with these options."""
        key = options.by_value, options.by_reference
        packer = self._packers.get(key)
        if packer is None:
            from schedulergodx.core.code import Packer  # late: it loads dill

            packer = self._packers[key] = Packer(
                by_value=key[0], by_reference=key[1], in_worker=context.outlet is not None
            )
        return packer

    def after_fork(self) -> None:
        """In a child: a thread that held a lock is not here."""
        for packer in self._packers.values():
            packer.after_fork()
