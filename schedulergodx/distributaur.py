"""The names of the document of Distributaur; each is looked up when it is used."""

from __future__ import annotations

from importlib import import_module

_HOMES = {
    "Config": "utils.configuration",
    "configure": "client.default",
    "get_env_vars": "utils.configuration",
}
_ALIASES = (
    "attach_to_existing_job",
    "call_function_task",
    "check_job_status",
    "execute_function",
    "monitor_job_status",
    "register_function",
    "update_function_status",
)

__all__ = [*_HOMES, *_ALIASES]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _HOMES.get(name, "client.distributaur")
    return getattr(import_module(f"schedulergodx.{home}"), name)
