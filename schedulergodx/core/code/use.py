"""What a piece of bytecode uses of the world around it, read without running it."""

from __future__ import annotations

import dis
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

# LOAD_NAME is how the body of a class reads a global; the last two are PEP 695 and its like.
_READ_GLOBAL = {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"}
_BIND_GLOBAL = {"STORE_GLOBAL", "DELETE_GLOBAL"}
_READ_CELL = {"LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF"}
_READ_ATTRIBUTE = {"LOAD_ATTR", "LOAD_METHOD"}
_CONSTANT = {"LOAD_CONST", "LOAD_SMALL_INT"}


@dataclass(frozen=True, slots=True)
class Import:
    """An import statement inside a function.

    name: as written, without the dots before it
    level: how many dots
    names: what is taken from it; empty for `import name`
    """

    name: str
    level: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Use:
    """What a code object and the ones inside it use.

    globals: names that it reads or binds, in the order of the code
    assigned: those that it binds
    chains: for a global or a free variable, the attributes that are read from it one after the
        other; `()` among them says that it is also used in another way
    attributes: every name that may be one of an attribute, string constants included
    imports: its import statements
    """

    globals: tuple[str, ...]
    assigned: frozenset[str]
    chains: Mapping[str, frozenset[tuple[str, ...]]]
    attributes: tuple[str, ...]
    imports: tuple[Import, ...]


@lru_cache(maxsize=8192)
def use_of(code: CodeType) -> Use:
    """What `code` uses."""
    names: dict[str, None] = {}
    assigned: set[str] = set()
    chains: dict[str, set[tuple[str, ...]]] = {}
    attributes: dict[str, None] = {}
    imports: list[Import] = []
    for part in _nested(code):
        steps = [step for step in dis.get_instructions(part) if step.opname != "EXTENDED_ARG"]
        attributes.update(dict.fromkeys(part.co_names))
        attributes.update(dict.fromkeys(_words(part)))
        for at, step in enumerate(steps):
            if step.opname in _READ_GLOBAL or step.opname in _BIND_GLOBAL:
                names[step.argval] = None
            if step.opname in _BIND_GLOBAL:
                assigned.add(step.argval)
            if step.opname in _READ_GLOBAL or step.opname in _READ_CELL:
                chains.setdefault(step.argval, set()).add(_chain(steps, at + 1))
            if step.opname == "IMPORT_NAME":
                imports.append(_import(steps, at))
    return Use(
        tuple(names),
        frozenset(assigned),
        {name: frozenset(found) for name, found in chains.items()},
        tuple(attributes),
        tuple(imports),
    )


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


def _words(code: CodeType) -> Iterator[str]:
    """Constants that may be names of attributes, as in `getattr(module, "name")`."""
    return (word for word in code.co_consts if isinstance(word, str) and word.isidentifier())


def _chain(steps: Sequence[dis.Instruction], at: int) -> tuple[str, ...]:
    chain = []
    while at < len(steps) and steps[at].opname in _READ_ATTRIBUTE:
        chain.append(steps[at].argval)
        at += 1
    return tuple(chain)


def _import(steps: Sequence[dis.Instruction], at: int) -> Import:
    """The two constants before an import are its level and what it takes."""
    level, names = (step.argval for step in steps[at - 2 : at] if step.opname in _CONSTANT)
    return Import(steps[at].argval, level, tuple(names or ()))
