"""Settings as an object that can be asked and changed by their names, as a document has it."""

from __future__ import annotations

import os
from typing import Any, Self

from schedulergodx.broker_url import compose_url
from schedulergodx.config import SETTINGS, load_settings
from schedulergodx.dotenv import read_env_file
from schedulergodx.errors import ConfigError
from schedulergodx.setting import ENV_PREFIX, without_password


def get_env_vars(path: str | os.PathLike[str] = ".env.default") -> dict[str, str]:
    """The variables of the environment, and those of a file that the environment has not.

    A file that is not there has none. Raises: ConfigError, which names the line that is none
    """
    try:
        return {**read_env_file(path), **os.environ}
    except FileNotFoundError:
        return dict(os.environ)


class Config:
    """All settings of a process; `docs/settings.md` has them.

    settings: as they are now, each with where it came from
    given: those that come before the environment and all files

    Raises: ConfigError
    """

    def __init__(self, **given: Any) -> None:
        self.settings = load_settings(**given)

    @classmethod
    def from_env(cls, path: str | os.PathLike[str] = ".env", **given: Any) -> Self:
        """The same with the variables of that file behind those of the environment.

        Raises: ConfigError, also if there is no such file
        """
        config = cls.__new__(cls)
        config.settings = load_settings(env_file=path, **given)
        return config

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a setting; `default` where it has none, or there is no such setting.

        key: its name, or the name of its environment variable
        """
        name = key.removeprefix(ENV_PREFIX).lower()
        value = getattr(self.settings, name) if name in SETTINGS else None
        return default if value is None else value

    def configure(self, **given: Any) -> None:
        """Change settings. Raises: ConfigError for an unknown one, or a value it can't have"""
        self.settings = self.settings.replace(**given)

    def amqp_url(self) -> str:
        """Where RabbitMQ is, percent-encoded. It may hold a password.

        Raises: ConfigError, which is a ValueError, and names what is missing
        """
        broker = self.settings.broker
        if broker is None:
            return compose_url(self.settings)
        if not broker.startswith(("amqp:", "amqps:")):
            raise ConfigError(f"`broker` is {without_password(broker)}, which is no RabbitMQ")
        return broker

    def __repr__(self) -> str:
        return f"Config({self.settings!r})"
