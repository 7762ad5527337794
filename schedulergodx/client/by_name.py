"""How a `Client` asks for functions that its services know by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack, cast

from schedulergodx.client.document import Document
from schedulergodx.client.naming import EXPIRES, Naming, options_to_publish
from schedulergodx.client.task import Launcher

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from datetime import datetime

    from schedulergodx.client.client import Client
    from schedulergodx.client.job import Job
    from schedulergodx.client.named import Arguments
    from schedulergodx.client.options import Duration, TaskOptions


class ByName(Naming, Document):
    """The part of `Client` that launches functions by their names."""

    def function(self, name: str, /, **options: Unpack[TaskOptions]) -> Launcher[..., Any]:
        """A function that services know by that name: `launch`, `map` and `options` as of a task.

        name: as it was registered, or the path of one that the service imports
        options: those of `TaskOptions` that need no code

        Raises: TypeError, ConfigError
        """
        return Launcher(cast("Client", self), self._name(name, options))

    def program(
        self,
        *,
        path: str | os.PathLike[str] | None = None,
        func_name: str | None = None,
        command: str | Sequence[str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        code: str | None = None,
        **options: Unpack[TaskOptions],
    ) -> Launcher[..., Any]:
        """What is no function of this program: a file, a command or a text of code.

        It is launched and scheduled like a task, where the service allows it.

        path, func_name: a file where the workers run, and its function, which is "main" if left out
        command: a text for a shell, or the words of a command line; its stdout is the result
        cwd: where it runs
        code: Python; arguments are its names, and what it leaves as `return_value` is the result
        options: those of `TaskOptions` that need no code

        Raises: TypeError, ConfigError
        """
        recipe = self._program(
            options, path=path, func_name=func_name, command=command, cwd=cwd, code=code
        )
        return Launcher(cast("Client", self), recipe)

    def execute(
        self, name: str, arguments: Arguments | None = None, /, **options: Unpack[TaskOptions]
    ) -> Job[Any]:
        """Run a function by its name, with data that JSON can hold.

        arguments: a dict of keywords, or a list

        Raises: ShipError, which names what JSON can't hold; and what `launch` raises. A name that
            the service does not know is an UnknownFunction at `result()`, a path that it does not
            allow a NotAllowed
        """
        from schedulergodx.client.named import read_call  # late: few programs launch names

        args, kwargs = read_call(arguments)
        return self.function(name, **options).launch(*args, **kwargs)

    def publish(
        self,
        queue: str | None = None,
        function: str = "",
        data: Any = None,
        expires: Duration | datetime | None = EXPIRES,
        *,
        channel: str | None = None,
        **options: Any,
    ) -> Job[Any]:
        """Run a function by its path, with `data` as its only argument.

        queue: decides which services may run it; the client's own if left out. `channel` is another
            word for it
        function: "package.module.function", or a name that is registered
        expires: it must have started by then
        options: others of those that `function` takes

        Raises: as `execute`
        """
        said = options_to_publish(queue, channel, expires, options)
        return self.function(function, **said).launch(data)

    def broadcast(self, name: str, data: Any = None, /, **options: Unpack[TaskOptions]) -> Job[Any]:
        """Run a function once for each store, whichever queues its services serve.

        The outcome of the job is that of whichever ends first. It must have started within 30
        minutes, unless `expires` says otherwise.

        Raises: as `execute`
        """
        recipe = self._name_for_all(name, options)
        return Launcher(cast("Client", self), recipe).launch(data)
