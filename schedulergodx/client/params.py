"""The parameters of a session, which rules and arguments of jobs ask for."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING, Any

from schedulergodx.client.requests import ANSWER_TIMEOUT, read_answers
from schedulergodx.core.json_data import write_json
from schedulergodx.core.schedule import AskParams

if TYPE_CHECKING:
    from schedulergodx.client.client import Client


class Params(MutableMapping[str, Any]):
    """Names and values that JSON can hold, kept by the services: `client.session.params`.

    Each use asks them. Raises: NoAnswer; ShipError for a value that JSON can't hold
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    def __getitem__(self, name: str) -> Any:
        return self._ask(AskParams())[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._ask(change_request({name: value}))

    def __delitem__(self, name: str) -> None:
        if name not in self._ask(AskParams()):
            raise KeyError(name)
        self._ask(AskParams(remove=[name]))

    def __iter__(self) -> Iterator[str]:
        return iter(self._ask(AskParams()))

    def __len__(self) -> int:
        return len(self._ask(AskParams()))

    def update(self, *others: Any, **named: Any) -> None:
        """Set several at once."""
        self._ask(change_request(dict(*others, **named)))

    def __repr__(self) -> str:
        return f"<Params {self._ask(AskParams())!r}>"

    def _ask(self, request: AskParams) -> dict[str, Any]:
        question = self._client._put(request, "", ANSWER_TIMEOUT, every=True)
        return merged(read_answers(question))


def change_request(change: dict[str, Any]) -> AskParams:
    """What sets them. Raises: ShipError"""
    write_json(change, "params")
    return AskParams(change)


def merged(answers: list[dict[str, Any]]) -> dict[str, Any]:
    """What all stores have; a name means one value, since each is told every change."""
    return {name: value for answer in answers for name, value in answer.items()}
