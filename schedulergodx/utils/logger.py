"""A logger that is made in one line, as the document has it. Importing it opens nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

Filter = logging.Filter | Callable[[logging.LogRecord], bool]

FORMAT = "%(asctime)s - %(levelname)s - %(name)s:%(message)s"


class LoggerConstructor:
    """A named logger of the standard library, with a file if one is named.

    Made twice under one name it is one logger, and has no handler twice.

    log_file: opened at the first record; None for no file
    log_level: what is passed on, from here on up
    """

    def __init__(
        self,
        name: str,
        log_file: str | Path | None = "schedulergodx.log",
        log_level: int | str = logging.INFO,
    ) -> None:
        self._logger = logging.getLogger(name)
        self._logger.setLevel(log_level)
        if log_file is not None:
            self._add_file(Path(log_file).absolute())
        self.debug = self._logger.debug
        self.info = self._logger.info
        self.warning = self._logger.warning
        self.error = self._logger.error
        self.critical = self._logger.critical
        self.fatal = self._logger.critical

    def getLogger(self) -> logging.Logger:  # noqa: N802 - as the document spells it
        """The logger itself."""
        return self._logger

    def addHandler(self, handler: logging.Handler) -> None:  # noqa: N802 - as the document has it
        """Send records to a handler too; it gets the format of this module if it has none."""
        if handler.formatter is None:
            handler.setFormatter(logging.Formatter(FORMAT))
        self._logger.addHandler(handler)

    def addFilter(self, filter: Filter) -> None:  # noqa: N802 - as the document has it
        """Pass on only what a filter lets through."""
        self._logger.addFilter(filter)

    def _add_file(self, path: Path) -> None:
        handlers = self._logger.handlers
        files = (h.baseFilename for h in handlers if isinstance(h, logging.FileHandler))
        if str(path) not in files:
            self.addHandler(logging.FileHandler(path, delay=True, encoding="utf-8"))
