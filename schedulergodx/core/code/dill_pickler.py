"""What is used of dill's pickler, and thereby of the one in `pickle` that is written in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from io import BytesIO

    class DillPickler:
        """Asks `reducer_override` first, then `dispatch`, then the object.

        memo: what was written, by id
        write, _write_large_bytes: where all bytes go through
        """

        dispatch: ClassVar[dict[type, Callable[[Any, Any], None]]]
        memo: dict[int, tuple[int, object]]
        write: Callable[[bytes], Any]
        _write_large_bytes: Callable[[bytes, bytes], Any]

        def __init__(self, file: BytesIO, protocol: int) -> None: ...
        def dump(self, obj: object) -> None: ...
        def save(self, obj: object, save_persistent_id: bool = True) -> None: ...
        def save_reduce(
            self,
            func: Any,
            args: Any,
            state: Any = None,
            listitems: Any = None,
            dictitems: Any = None,
            state_setter: Any = None,
            *,
            obj: object = None,
        ) -> None: ...
        def save_dict(self, obj: object) -> None: ...
        def save_global(self, obj: object, name: str | None = None) -> None: ...

else:
    from dill import Pickler as DillPickler

__all__ = ["DillPickler"]
