"""Classes that are the same at both ends."""

import copy
import dataclasses
import pickle

from claim import claim
from installed_parts import Base, Error
from shop import models
from shop.models import (
    Child,
    Color,
    Denied,
    Described,
    Failed,
    Fast,
    Frozen,
    Installed,
    IntBox,
    Labelled,
    Level,
    Node,
    Ordered,
    Pair,
    Permission,
    Plain,
    Planet,
    Plugin,
    Point,
    Registry,
    Row,
    Shape,
    Slotted,
    Square,
    Tagged,
)


def echo(x):
    return x


def raised(run, function, *args):
    """The exception that the other end raises."""
    try:
        run(function, *args)
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


@claim
def an_instance_as_argument_and_result(run):
    sent = Plain(3)
    got = run(lambda p: (isinstance(p, Plain), type(p) is Plain, p, p.area()), sent)
    assert got == (True, True, sent, 30)
    assert type(got[2]) is Plain


@claim
def an_instance_for_a_function_that_does_not_know_its_class(run):
    assert run(lambda p: (type(p).__name__, p.area(), p), Child(1, 2))[:2] == ("Child", 12)
    assert type(run(echo, Child(1, 2))) is Child
    assert run(lambda a, b: isinstance(b, type(a)), Plain(1), Child(1, 2))


@claim
def a_subclass_and_its_super(run):
    assert run(lambda c: (isinstance(c, Plain), c.area(), c.same() is Child), Child(3, 4)) == (
        True,
        34,
        True,
    )


@claim
def methods_of_each_kind(run):
    def function(p):
        return p.half, p.cached, p.tell(), p.twice(4), p.make(1).x, Plain.kind

    assert run(function, Plain(2)) == (1, 3, "secret", 8, 1, "plain")


@claim
def the_classes_of_the_client_are_unchanged_after_results(run):
    def members(cls):
        return {n: value for n, value in vars(cls).items() if n != "__slotnames__"}  # of copyreg

    before = {name: members(cls) for name, cls in vars(models).items() if isinstance(cls, type)}
    for value in (Plain(1), Child(1, 2), Point(1), Frozen(1), Color.RED, Square(1), Fast()):
        run(echo, value)
    run(lambda: (Plain, Child, Point, Color, Shape, Registry, Tagged, Fast, echo))
    for name, then in before.items():
        now = members(getattr(models, name))
        assert now.keys() == then.keys(), name
        assert all(now[key] is value for key, value in then.items()), name
    assert models.Plugin.found == {"fast": 3}
    assert list(Registry.known) == ["abc"]


@claim
def a_class_itself_comes_back_as_itself(run):
    assert run(lambda: [Plain, {"p": Point}]) == [Plain, {"p": Point}]
    assert run(lambda cls, x: cls(x), Plain, 4).x == 4


@claim
def a_dataclass(run):
    got = run(
        lambda p: (isinstance(p, Point), p.moved(1), p == Point(1, 2), p.grown()), Point(1, 2)
    )
    assert got == (True, Point(2, 3), True, Point(2, 2))
    assert type(got[1]) is Point
    assert run(lambda: [field.name for field in dataclasses.fields(Point)]) == ["x", "y", "tags"]
    assert run(lambda: Point(1).tags is Point(1).tags) is False
    assert run(lambda a: a < Ordered(rank=2), Ordered(rank=1, nested=Point(1)))


@claim
def a_frozen_dataclass_with_slots(run):
    got = run(lambda f: (f, f.more(), {f: 1}[Frozen(1, 0)]), Frozen(1))
    assert got == (Frozen(1), Frozen(2), 1)
    assert type(got[0]) is Frozen
    error = raised(run, lambda f: setattr(f, "x", 2), Frozen(1))
    assert type(error) is dataclasses.FrozenInstanceError


@claim
def slots_with_private_names(run):
    got = run(lambda s: (s.hidden(), s, hasattr(s, "__dict__")), Slotted(4))
    assert got[0] == 8
    assert got[1].hidden() == 8
    assert got[2] is False


@claim
def members_of_an_enum(run):
    assert run(echo, Color.RED) is Color.RED
    assert run(
        lambda c: (c is Color.RED, c.loud(), Color(2), Color["ROUGE"], list(Color)), Color.RED
    ) == (
        True,
        "RED!",
        Color.GREEN,
        Color.RED,
        [Color.RED, Color.GREEN],
    )
    assert run(lambda: models.DEFAULTS[Color.RED]) is Level.HIGH
    assert run(lambda level: level > 5 and isinstance(level, Level), Level.HIGH)


@claim
def an_enum_class_with_members_of_many_kinds(run):
    assert run(lambda p: (p in Permission.BOTH, p | Permission.WRITE), Permission.READ) == (
        True,
        Permission.BOTH,
    )
    assert run(lambda p: (p.density, p is Planet.EARTH, p), Planet.EARTH)[2] is Planet.EARTH
    assert run(lambda p: (p.label, p + 1, p is Labelled(2.5), p), Labelled.B) == (
        "second",
        3.5,
        True,
        Labelled.B,
    )
    assert run(lambda: Color) is Color


@claim
def members_in_an_argument_whose_class_is_new_to_the_function(run):
    assert run(lambda things: [type(t).__name__ for t in things], [Color.RED, Planet.MARS]) == [
        "Color",
        "Planet",
    ]
    assert run(echo, {Color.RED: [Planet.MARS]}) == {Color.RED: [Planet.MARS]}


@claim
def an_exception_with_a_state_is_caught_by_its_class(run):
    def fail(code):
        raise Failed(code, detail="broken")

    try:
        run(fail, 4)
    except Failed as error:
        assert (error.code, error.detail, str(error)) == (4, "broken", "4: broken")
        assert error.advice() == "see 40"
    else:
        raise AssertionError


@claim
def exceptions_of_many_kinds(run):
    def fail(error):
        error.add_note("noted")
        raise error

    for sent in (Denied(1, detail="no"), Error(404, "gone"), OSError(2, "no file", "name")):
        error = raised(run, fail, sent)
        assert type(error) is type(sent)
        assert error.args == sent.args
        assert error.__notes__ == ["noted"]
        assert vars(error) == {**vars(sent), "__notes__": ["noted"]}
    group = raised(run, fail, ExceptionGroup("two", [ValueError(1), Failed(2, detail="x")]))
    assert [type(error) for error in group.exceptions] == [ValueError, Failed]
    assert raised(run, fail, OSError(2, "no file", "name")).filename == "name"


@claim
def exceptions_to_retry_on_are_classes_of_the_world_of_the_function(run):
    def fail(error):
        raise error

    for error, expected in ((Denied(1, detail=""), [True, False]), (KeyError(), [False, True])):
        answer = run.ask(fail, (error,), retry_on=(Failed,), give_up_on=(LookupError,))
        try:
            run.open(answer)
        except type(error):
            assert run.retried == expected


@claim
def an_abstract_class(run):
    assert run(lambda s: (isinstance(s, Shape), s.described(), s), Square(3))[:2] == (
        True,
        "Square of 9",
    )
    assert run(lambda: isinstance(3, Shape))
    assert "abstract" in str(raised(run, lambda: Shape()))


@claim
def protocols(run):
    def function():
        class Sized:
            size = 1

        return isinstance(Sized(), models.Sized), isinstance(1, models.Sized)

    assert run(function) == (True, False)
    assert run(lambda: models.Drawable).__name__ == "Drawable"


@claim
def generics(run):
    assert run(lambda b: (b.get(), isinstance(b, models.Box), b), IntBox(4))[:2] == (4, True)
    assert run(lambda: models.Box[int](3)).get() == 3
    assert run(lambda: (models.T, models.T is models.Box.__parameters__[0])) == (models.T, True)
    assert run(lambda: models.Number.__bound__) is float
    assert run(lambda: models.UserId(3)) == 3
    assert run(lambda: models.UserId) is models.UserId
    assert run(lambda: models.Options(name="x")) == {"name": "x"}


@claim
def a_metaclass_of_the_user(run):
    def function():
        return len(Tagged), Tagged.code, Registry.known["abc"] is Tagged, type(Tagged) is Registry

    assert run(function) == (3, 7, True, True)
    assert type(run(lambda t: (t, len(type(t))), Tagged())[0]) is Tagged


@claim
def init_subclass_is_not_called_again(run):
    assert run(lambda: (Fast.weight, Plugin.found)) == (3, {"fast": 3})
    assert run(lambda p: p.weight, Fast()) == 3
    assert run(lambda: (Installed.label, issubclass(Installed, Base))) == ("mine", True)


@claim
def init_subclass_is_called_for_a_class_that_a_job_makes(run):
    def function():
        class Slow(Plugin, weight=9):
            name = "slow"

        return Plugin.found

    assert run(function) == {"fast": 3, "slow": 9}


@claim
def named_tuples(run):
    got = run(
        lambda p, r: (p.left, p._replace(right=5), r.total(), Row("n"), isinstance(r, Row)),
        Pair(1),
        Row("a", 2),
    )
    assert got == (1, Pair(1, 5), 4, Row("n", 1), True)
    assert type(got[1]) is Pair and type(got[3]) is Row


@claim
def classes_that_refer_to_each_other(run):
    node = run(lambda n: (n.is_mine(), n.other.up() is Node, n), Node())
    assert node[:2] == (True, True)
    assert node[2].is_mine() and type(node[2]) is Node and node[2].me is node[2]


@claim
def a_class_that_refers_to_instances_of_itself(run):
    zero, one = models.Money(0), models.Money(1)
    assert run(lambda m: (m.zero(), m.name(), type(m.zero()) is type(m)), one) == (
        zero,
        "one",
        True,
    )
    assert run(lambda: models.NAMES[models.ZERO]) == "zero"
    assert run(lambda m: m.name(), zero) == "zero"


@claim
def instances_that_need_code_of_theirs_to_be_set(run):
    def function():
        kept = models.Kept
        return kept.first.name, [one.name for one in kept.all], kept.first is kept.all[0]

    assert run(function) == ("first!", ["first!"], True)
    assert run(lambda: models.Kept.first).name == "first!!"


@claim
def a_descriptor_with_a_name(run):
    assert run(lambda: Described.place) == "Described.place"


@claim
def a_class_of_a_function(run):
    one, two = models.local_class(1), models.local_class(2)
    got = run(
        lambda a, b: (a.area(), b.area(), isinstance(a, one), isinstance(a, two), a), one(1), two(1)
    )
    assert got[:4] == (11, 12, True, False)
    assert type(got[4]) is one
    assert type(run(echo, two(5))) is two


@claim
def a_class_that_only_the_job_made(run):
    def function():
        @dataclasses.dataclass
        class Made:
            x: int

        return [Made(1), Made(2)]

    first, second = run(function)
    assert (first.x, second.x) == (1, 2)
    assert type(first) is type(second)


@claim
def a_very_long_list_of_linked_instances(run):
    first = last = Plain(0)
    for n in range(1, 400):
        last.next = Plain(n)
        last = last.next

    def length(p):
        n = 0
        while p is not None:
            n, p = n + 1, getattr(p, "next", None)
        return n

    assert run(length, first) == 400


@claim
def an_instance_in_a_global(run):
    assert run(lambda p: p == models.ORIGIN and type(p) is type(models.ORIGIN), Point(0, 0))


@claim
def copies_inside_of_a_job(run):
    assert run(lambda p: copy.deepcopy(p) == p, Point(1, 2))


@claim
def a_class_that_changes_how_it_is_pickled(run):
    class Counted:
        def __init__(self, n):
            self.n = n

        def __getstate__(self):
            return {"n": self.n + 1}

    class Rebuilt:
        def __reduce__(self):
            return make, (5,)

    def make(n):
        return Counted(n)

    assert run(lambda c: c.n, Counted(1)) == 2
    assert run(lambda c: c.n, Rebuilt()) == 5


@claim
def a_result_does_not_depend_on_what_the_worker_did_to_the_globals_of_a_class(run):
    def function(x):
        models.HANDLE = (step for step in "abc")
        return Plain(x)

    assert type(run(function, 1)) is Plain


@claim
def a_changed_global_of_a_class_is_seen_by_its_next_instances(run):
    def area(p):
        return p.area()

    assert run(area, Plain(1)) == 10
    scale = models.scale
    models.scale = lambda x: 7 * x
    try:
        assert run(area, Plain(1)) == 7
        assert run(lambda p: (isinstance(p, Plain), p.area()), Plain(1)) == (True, 7)
    finally:
        models.scale = scale
    assert run(area, Plain(1)) == 10


@claim
def plain_pickle_opens_what_has_no_class_of_the_user(run):
    assert pickle.loads(run.packer.pack_arguments((1, [2]), {"a": {3}}).body) == (
        (1, [2]),
        {"a": {3}},
    )
