"""Classes of many kinds."""

import abc
import collections
import dataclasses
import enum
import functools
import typing

from installed_parts import Base

T = typing.TypeVar("T")
Number = typing.TypeVar("Number", bound=float)
UserId = typing.NewType("UserId", int)


class Plain:
    kind = "plain"
    made = 0

    def __init__(self, x):
        self.x = x

    def __eq__(self, other):
        return isinstance(other, Plain) and self.x == other.x

    __hash__ = None

    def area(self):
        return scale(self.x)

    @classmethod
    def make(cls, x):
        return cls(x)

    @staticmethod
    def twice(x):
        return 2 * x

    @property
    def half(self):
        return self.x / 2

    @functools.cached_property
    def cached(self):
        return self.x + 1

    def __secret(self):
        return "secret"

    def tell(self):
        return self.__secret()


class Child(Plain):
    kind = "child"

    def __init__(self, x, y):
        super().__init__(x)
        self.y = y

    def area(self):
        return super().area() + self.y

    def same(self):
        return __class__


def scale(x):
    return 10 * x


@dataclasses.dataclass
class Point:
    x: int
    y: int = 0
    tags: list = dataclasses.field(default_factory=list)

    def moved(self, by):
        return Point(self.x + by, self.y + by)

    def grown(self):
        return dataclasses.replace(self, x=self.x + 1)


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    x: int
    y: int = 0

    def more(self):
        return Frozen(self.x + hash(self) // hash(self))


@dataclasses.dataclass(order=True, kw_only=True)
class Ordered:
    rank: int
    nested: "Point | None" = None


class Slotted:
    __slots__ = ("__hidden", "a")

    def __init__(self, a):
        self.a = a
        self.__hidden = a * 2

    def hidden(self):
        return self.__hidden


class Color(enum.Enum):
    RED = 1
    GREEN = 2
    ROUGE = RED

    def loud(self):
        return self.name + "!"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 10


class Permission(enum.Flag):
    READ = enum.auto()
    WRITE = enum.auto()
    BOTH = READ | WRITE


class Planet(enum.Enum):
    """With members that are built of several values."""

    EARTH = (5.97, 6371)
    MARS = (0.642, 3389)

    def __init__(self, mass, radius):
        self.mass = mass
        self.radius = radius

    @property
    def density(self):
        return self.mass / self.radius


class Labelled(float, enum.Enum):
    """With a value that is not what its members are built of."""

    def __new__(cls, value, label):
        made = float.__new__(cls, value)
        made._value_ = value
        made.label = label
        return made

    A = (1.5, "first")
    B = (2.5, "second")


class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self): ...

    def described(self):
        return f"{type(self).__name__} of {self.area()}"


class Square(Shape):
    def __init__(self, side):
        self.side = side

    def area(self):
        return self.side**2


Shape.register(int)


class Drawable(typing.Protocol):
    def draw(self) -> str: ...


@typing.runtime_checkable
class Sized(typing.Protocol):
    size: int


class Box(typing.Generic[T]):
    def __init__(self, content: T):
        self.content = content

    def get(self) -> T:
        return self.content


class IntBox(Box[int]):
    pass


class Registry(type):
    """A metaclass that wants to see the members of its classes."""

    known: typing.ClassVar[dict] = {}

    def __new__(mcs, name, bases, namespace, *, code):
        made = super().__new__(mcs, name, bases, namespace)
        mcs.known[namespace["tag"]] = made
        made.code = code
        return made

    def __init__(cls, name, bases, namespace, *, code):
        super().__init__(name, bases, namespace)

    def __len__(cls):
        return len(cls.tag)


class Tagged(metaclass=Registry, code=7):
    tag = "abc"


class Plugin:
    """One that is told of its subclasses, and looks at them."""

    found: typing.ClassVar[dict] = {}

    def __init_subclass__(cls, *, weight, **options):
        super().__init_subclass__(**options)
        Plugin.found[cls.name] = weight
        cls.weight = weight


class Fast(Plugin, weight=3):
    name = "fast"


class Installed(Base, label="mine"):
    pass


Pair = collections.namedtuple("Pair", "left right", defaults=[2])


class Row(typing.NamedTuple):
    name: str
    amount: int = 1

    def total(self):
        return self.amount * 2


class Options(typing.TypedDict, total=False):
    name: str


class Failed(Exception):
    """Built of other things than its `args`."""

    def __init__(self, code, *, detail):
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail

    def advice(self):
        return f"see {scale(self.code)}"


class Denied(Failed, PermissionError):
    pass


class Node:
    """Refers to itself, and to one that refers to it."""

    def __init__(self):
        self.other = Leaf(self)
        self.me = self

    def is_mine(self):
        return isinstance(self.other, Leaf) and self.other.root is self


class Leaf:
    def __init__(self, root):
        self.root = root

    def up(self):
        return Node


class Descriptor:
    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, instance, owner):
        return f"{owner.__name__}.{self.name}"


class Described:
    place = Descriptor()


class Caller:
    def __call__(self, x):
        return scale(x)


class Sentinel:
    def __reduce__(self):
        return "SENTINEL"


SENTINEL = Sentinel()
ORIGIN = Point(0, 0)
DEFAULTS = {Color.RED: Level.HIGH, Color.GREEN: Level.LOW}


@dataclasses.dataclass(frozen=True, slots=True)
class Money:
    """Refers to instances of itself, which have a state of their own kind and are hashed."""

    amount: int

    def __hash__(self):
        return mixed(self.amount)

    def zero(self):
        return ZERO

    def name(self):
        return NAMES[self]


class Kept:
    """With instances of itself as members, which are set with the help of globals."""

    all: typing.ClassVar[list] = []

    def __init__(self, name):
        self.name = name
        Kept.all.append(self)

    def __getstate__(self):
        return {"name": self.name}

    def __setstate__(self, state):
        self.name = restored(state["name"])


def mixed(x):
    return x * PRIME


def restored(name):
    return f"{name}{SUFFIX['here']}"


SUFFIX = {"here": "!"}
PRIME = 31
ZERO = Money(0)
NAMES = {ZERO: "zero", Money(1): "one"}
Kept.first = Kept("first")


def local_class(base):
    class Local(Plain):
        offset = base

        def area(self):
            return super().area() + self.offset

    return Local
