"""Layers: what each place says of settings. The first that has one decides.

A layer maps the name of a setting to (value, place), the value as it was given.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from schedulergodx.dotenv import read_env_file
from schedulergodx.errors import ConfigError
from schedulergodx.setting import ENV_PREFIX, Setting

Layer = Mapping[str, tuple[object, str]]
Table = Mapping[str, Setting]

DEFAULT_FILE = "schedulergodx.toml"
DEFAULT_ENV_FILE = ".env"
CONFIG_VARIABLE = ENV_PREFIX + "CONFIG"
ENV_FILE_VARIABLE = ENV_PREFIX + "ENV_FILE"
_OWN = frozenset({CONFIG_VARIABLE, ENV_FILE_VARIABLE})
_NEAR = 0.8  # how alike a variable's name must be to a setting's to be taken for a slip
_LIKE = 0.6  # how alike a name must be to be proposed


def read_first(layers: Iterable[Layer], table: Table) -> tuple[dict[str, Any], dict[str, str]]:
    """(values, places) of the settings that a layer has. Raises: ConfigError"""
    layers = list(layers)
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for name, setting in table.items():
        layer = next((layer for layer in layers if name in layer), None)
        if layer is not None:
            value, origins[name] = layer[name]
            values[name] = _read(setting, value, origins[name])
    return values, origins


def found_layers(
    table: Table,
    file: str | os.PathLike[str] | None,
    environ: Mapping[str, str] | None,
    env_file: str | os.PathLike[str] | None,
) -> Iterator[Layer]:
    """What nobody said, in the order in which it counts; see `config.load_settings`."""
    environ = os.environ if environ is None else environ
    yield environment_layer(environ, table)
    env_file = env_file or environ.get(ENV_FILE_VARIABLE) or _if_there(DEFAULT_ENV_FILE)
    variables = _read_env_file(env_file)
    yield env_file_layer(variables, env_file, table)
    file = file or environ.get(CONFIG_VARIABLE) or variables.get(CONFIG_VARIABLE)
    yield toml_layer(file or _if_there(DEFAULT_FILE), table)


def said_layer(given: Mapping[str, object], table: Table, origin: Callable[[str], str]) -> Layer:
    """What a caller says, or flags. Raises: ConfigError for a name that is no setting"""
    given = _own_names(given, table, "a keyword")
    return {name: (value, origin(name)) for name, value in given.items() if table[name].says(value)}


def environment_layer(environ: Mapping[str, str], table: Table) -> Layer:
    """What the environment says. Raises: ConfigError for what is nearly a setting"""
    known = _variables(table)
    for variable in environ:  # only what is near: Kubernetes makes some of the names of services
        if variable.startswith(ENV_PREFIX) and variable not in known and variable not in _OWN:
            near = _nearest_variable(variable, known, _NEAR)
            if near:
                raise ConfigError(
                    f"the environment variable {variable} is no setting: do you mean {near}?"
                )
    return {
        name: (environ[variable], f"the environment variable {variable}")
        for variable, name in known.items()
        if environ.get(variable)
    }


def env_file_layer(
    variables: Mapping[str, str], path: str | os.PathLike[str] | None, table: Table
) -> Layer:
    """What a file of variables says. Raises: ConfigError for one that is no setting"""
    known = _variables(table)
    for variable in variables:
        if variable not in known and variable not in _OWN:
            near = _nearest_variable(variable, known, _LIKE)
            hint = f"do you mean {near}?" if near else "`sgx config show` lists all"
            raise ConfigError(f"{variable} in the file {path} is no setting: {hint}")
    return {
        name: (variables[variable], f"{variable} in the file {path}")
        for variable, name in known.items()
        if variables.get(variable)
    }


def toml_layer(path: str | os.PathLike[str] | None, table: Table) -> Layer:
    """What a TOML file says; nothing without one. Raises: ConfigError"""
    if path is None:
        return {}
    import tomllib  # late: few programs have such a file

    try:
        with Path(path).open("rb") as file:
            values = tomllib.load(file)
    except (OSError, ValueError) as error:  # not TOML, or not UTF-8
        raise ConfigError(f"the settings in {path} can't be read: {error}") from error
    values = _own_names(values, table, str(path))
    return {name: (value, f"the file {path}") for name, value in values.items()}


def _if_there(path: str) -> str | None:
    return path if Path(path).is_file() else None


def _read_env_file(path: str | os.PathLike[str] | None) -> dict[str, str]:
    """The variables of ours in a file; none without one. Raises: ConfigError"""
    if path is None:
        return {}
    try:
        return read_env_file(path, ENV_PREFIX)
    except FileNotFoundError as error:
        raise ConfigError(f"the variables in {path} can't be read: {error}") from error


def _read(setting: Setting, value: object, origin: str) -> Any:
    try:
        return setting.read(value)
    except ValueError as error:
        text = f"{setting.name}: {setting.quote(value)} of {origin} can't be used: {error}"
        raise ConfigError(text) from None


def _own_names(given: Mapping[str, Any], table: Table, origin: str) -> dict[str, Any]:
    """The same by the settings' own names, which may be given by another. Raises: ConfigError"""
    names = _names(table)
    found: dict[str, Any] = {}
    for name, value in given.items():
        if name not in names:
            near = _nearest(name, table, _LIKE)
            hint = f": do you mean {near!r}?" if near else "; `sgx config show` lists all"
            raise ConfigError(f"there is no setting {name!r}, which {origin} has{hint}")
        if names[name] in found:
            raise ConfigError(f"{origin} has {names[name]!r} twice, once as {name!r}")
        found[names[name]] = value
    return found


def _names(table: Table) -> dict[str, str]:
    return {name: row.name for row in table.values() for name in (row.name, *row.also)}


def _variables(table: Table) -> dict[str, str]:
    return {ENV_PREFIX + name.upper(): own for name, own in _names(table).items()}


def _nearest(name: str, known: Iterable[str], cutoff: float) -> str:
    return next(iter(difflib.get_close_matches(name, known, n=1, cutoff=cutoff)), "")


def _nearest_variable(variable: str, known: Iterable[str], cutoff: float) -> str:
    short = {name.removeprefix(ENV_PREFIX): name for name in known}
    return short.get(_nearest(variable.removeprefix(ENV_PREFIX), short, cutoff), "")
