"""What is accepted, what is refused, and that the program does not notice the checking."""

import asyncio
import functools
import inspect
import json
import random
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field

import jaxtyping
import numpy as np
import pytest
from beartype import beartype
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import Bool, Float, Int

from shapecheck import SignatureError, signature
from shapecheck.signatures import observed_calls

Array = np.ndarray
sizes = st.integers(1, 3)


@signature
def product(A: Float[Array, "m k"], B: Float[Array, "k n"]) -> Float[Array, "m n"]:
    return A @ B


@settings(deadline=None)
@given(a=st.tuples(sizes, sizes), b=st.tuples(sizes, sizes))
def test_refuses_exactly_what_does_not_multiply(a, b):
    A, B = np.ones(a), np.ones(b)
    if a[1] == b[0]:
        assert product(A, B).shape == (a[0], b[1])
    else:
        with pytest.raises(SignatureError) as caught:
            product(A, B)
        assert f"is {b[0]}, and `k` is {a[1]} (axis 1 of `A`)" in str(caught.value)


@signature
def same(x: Float[Array, "*shape"], y: Float[Array, "*shape"]) -> None:
    pass


@settings(deadline=None)
@given(shape=st.lists(sizes, max_size=4).map(tuple), other=st.lists(sizes, max_size=4).map(tuple))
def test_a_run_of_axes_binds_as_a_whole(shape, other):
    if shape == other:
        same(np.ones(shape), np.ones(other))
    else:
        with pytest.raises(SignatureError):
            same(np.ones(shape), np.ones(other))


# Few different shapes, so that the same ones come again.
few = st.integers(1, 2)
layers = st.tuples(few, st.just(2), few, few, few, few, few)


def outcome(fn, call):
    """What a call says: nothing, or the first line of the refusal."""
    m, n, k, bias, *rows = call
    try:
        fn(np.ones((m, n)), np.ones((n, k)), [np.ones(bias), np.ones(bias)], tuple(rows))
    except SignatureError as error:
        return str(error).splitlines()[0]
    return None


def new_layer():
    """The same function, as if it had never been called; what it makes does not follow from its arguments' shapes."""

    @signature(locals=True)
    def layer(
        X: Float[Array, "m n"], W: Float[Array, "n k"], b: list[Float[Array, "k"]], rows: tuple[int, int, int]
    ) -> Float[Array, "rows k"]:
        first: Float[Array, "rows k"] = np.ones((rows[0], W.shape[1]))
        second: Float[Array, "k rows"] = np.ones((len(first[0]), rows[1]))
        return np.ones((rows[2], second.shape[0]))

    return layer


@functools.cache
def first_outcome(call):
    return outcome(new_layer(), call)


@settings(deadline=None, max_examples=60)
@given(calls=st.lists(layers, min_size=1, max_size=8))
def test_what_was_accepted_before_changes_no_verdict(calls):
    old = new_layer()
    for call in [*calls, *calls]:
        assert outcome(old, call) == first_outcome(call)


def test_a_result_is_checked_also_when_the_arguments_were_seen_before():
    shapes = [(2, 3), (2, 3), (3, 2), (2, 3)]
    made = iter(shapes)

    @signature
    def f(x: Float[Array, "a b"]) -> Float[Array, "a b"]:
        return np.ones(next(made))

    for shape in shapes:
        if shape == (2, 3):
            f(np.ones((2, 3)))
        else:
            with pytest.raises(SignatureError, match=r"the result of .* `a` is 2 \(axis 0 of `x`\)") as caught:
                f(np.ones((2, 3)))
            assert isinstance(caught.value.__cause__, jaxtyping.TypeCheckError)


def test_isinstance_in_a_body_meets_the_axes_of_its_own_call_only():
    @signature
    def inner(x: Float[Array, "n"]) -> bool:
        return isinstance(np.ones(3), Float[Array, "n"])

    def helper(y):
        return isinstance(y, Float[Array, "n"])

    @signature
    def through_helper(x: Float[Array, "m"]) -> bool:
        return helper(np.ones(5))

    @signature
    def outer(x: Float[Array, "n"]) -> list[bool]:
        return [inner(np.ones(3)), inner(np.ones(4)), through_helper(np.ones(2))]

    assert [outer(np.ones(7)) for _ in range(3)] == [[True, False, True]] * 3


def test_a_long_loop_of_assignments_is_checked_to_its_end():
    @signature(locals=True)
    def f(x: Float[Array, "n"], grows_at: int) -> None:
        for turn in range(400):
            y: Float[Array, "n"] = np.ones(len(x) + (turn == grows_at))
            del y

    for _ in range(3):
        f(np.ones(2), -1)
        with pytest.raises(SignatureError, match=r"local variable `y` .* has shape \(3,\)"):
            f(np.ones(2), 399)


def test_subclasses_and_locals_of_generators():
    @signature(locals=True)
    def f(x: Float[Array, "n"], y: Float[Array, "n"]) -> Float[Array, "n"]:
        z: Float[Array, "n"] = x + y
        return z

    @signature(locals=True)
    def parts(x: Float[Array, "n"]) -> Iterator[Float[Array, "half"]]:
        first: Float[Array, "half"] = x[: len(x) // 2]
        yield first

    @signature
    def outer(half: Float[Array, "half"]) -> int:
        return sum(len(part) for part in parts(np.ones(8)))

    for _ in range(3):
        assert f(np.ma.ones(2), np.ones(2)).sum() == 4
        assert outer(np.ones(3)) == 4
        with pytest.raises(SignatureError):
            f(np.ma.ones(3), np.ones(2))


def test_every_array_of_a_list_is_seen_every_time():
    @signature
    def total(parts: list[Float[Array, "n"]]) -> float:
        return float(sum(part.sum() for part in parts))

    right = [np.ones(3)] * 50
    assert total(right) == 150
    for place in range(50):
        with pytest.raises(SignatureError, match=rf"`parts\[{place}\]`" if place else "`parts"):
            total([*right[:place], np.ones(4), *right[place + 1 :]])


def test_the_programs_random_numbers_are_left_alone():
    @signature(locals=True)
    def nothing(parts: list[Float[Array, "n"]], sizes: list[int], many: tuple[float, ...]) -> list[float]:
        made: Float[Array, "n"] = parts[0] * 2
        return [float(made[0])]

    random.seed(1)
    np.random.seed(1)
    before = random.getstate(), np.random.get_state()[1].tolist()
    for _ in range(3):
        nothing([np.ones(2)] * 5, [1, 2, 3], (1.0, 2.0))
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before


ACCEPTED = {
    "none where an array may be left out": lambda f: f(np.ones((2, 3)), mask=None),
    "an array where it may be left out": lambda f: f(np.ones((2, 3)), mask=np.ones((3,), dtype=bool)),
    "float32": lambda f: f(np.ones((2, 3), dtype=np.float32)),
    "a whole number for a float": lambda f: f(np.ones((2, 3)), rate=1),
    "a numpy number for a float": lambda f: f(np.ones((2, 3)), rate=np.float64(0.5)),
    "a view that is not contiguous": lambda f: f(np.ones((3, 2)).T),
    "an array without entries": lambda f: f(np.ones((0, 3))),
    "a subclass": lambda f: f(np.ma.ones((2, 3))),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepts(name):
    @signature
    def f(
        X: Float[Array, "batch in"], mask: Bool[Array, "in"] | None = None, *, rate: float = 0.1
    ) -> Float[Array, "in"]:
        return X.sum(axis=0)

    assert ACCEPTED[name](f).shape == (3,)


class Net:
    def __init__(self, units: int) -> None:
        self.W = np.ones((units, 2))

    @signature
    def forward(self, X: Float[Array, "batch units"]) -> Float[Array, "batch 2"]:
        return X @ self.W

    @signature
    @staticmethod
    def double(x: Float[Array, "n"]) -> Float[Array, "n"]:
        return 2 * x

    @signature
    @classmethod
    def of(cls, W: Float[Array, "units 2"]) -> "Net":
        return cls(len(W))

    @signature
    @property
    def weights(self) -> Float[Array, "units 3"]:
        return self.W


def test_methods_of_all_kinds():
    net = Net.of(np.ones((4, 2)))
    assert net.forward(np.ones((3, 4))).shape == (3, 2)
    assert Net.double(np.ones(2)).sum() == 4
    with pytest.raises(SignatureError, match=r"argument `X` of `Net\.forward` has shape \(4,\)"):
        net.forward(np.ones(4))
    with pytest.raises(SignatureError, match="`x`"):
        net.double(np.ones((2, 2)))
    with pytest.raises(SignatureError, match=r"the result of `Net\.weights`"):
        _ = net.weights


def test_dataclass_fields_share_their_axes():
    @signature
    @dataclass(frozen=True, slots=True)
    class Layer:
        W: Float[Array, "in out"]
        b: Float[Array, "out"]
        history: list[float] = field(default_factory=list)

    assert Layer(np.ones((2, 3)), np.ones(3)).history == []
    with pytest.raises(SignatureError, match=r"`b` .* `out` is 3 \(axis 1 of `W`\)"):
        Layer(np.ones((2, 3)), np.ones(2))


def test_generator_coroutine_and_recursion():
    @signature
    def batches(X: Float[Array, "n d"], size: int) -> Iterator[Float[Array, "_ d"]]:
        for start in range(0, len(X), size):
            yield X[start : start + size]

    @signature
    async def later(x: Float[Array, "n"]) -> Float[Array, "n"]:
        return x

    @signature
    def halves(x: Float[Array, "n"]) -> Float[Array, "n"]:
        return x if len(x) < 2 else np.concatenate([halves(x[: len(x) // 2]), halves(x[len(x) // 2 :])])

    assert [len(part) for part in batches(np.ones((5, 2)), 2)] == [2, 2, 1]
    assert asyncio.run(later(np.ones(2))).sum() == 2
    assert halves(np.arange(7.0)).tolist() == list(range(7))
    with pytest.raises(SignatureError):
        batches(np.ones(5), 2)
    with pytest.raises(SignatureError):
        later(np.ones((2, 2)))


def test_what_the_function_raises_passes_unchanged():
    @signature
    def broken(x: Float[Array, "n"]) -> Float[Array, "n"]:
        return x + "text"

    @signature
    def outer(x: Float[Array, "n"]) -> Float[Array, "n"]:
        return product(x[:, None], x[:, None])

    @jaxtyping.jaxtyped(typechecker=beartype)
    def bare(x: Float[Array, "3"]) -> None:
        pass

    @signature
    def over_bare(x: Float[Array, "n"]) -> None:
        bare(x)

    with pytest.raises(TypeError) as caught:
        broken(np.ones(2))
    assert not isinstance(caught.value, SignatureError)
    with pytest.raises(SignatureError) as refused:
        outer(np.ones(2))
    assert refused.value.refusal.function == "product"
    with pytest.raises(jaxtyping.TypeCheckError) as own:
        over_bare(np.ones(2))
    assert not isinstance(own.value, SignatureError)


def test_a_missing_argument_is_said_as_python_says_it():
    with pytest.raises(TypeError, match=r"^product\(\) missing 1 required positional argument: 'B'$"):
        product(np.ones((2, 2)))
    with pytest.raises(TypeError, match="unexpected keyword argument 'C'"):
        product(np.ones((2, 2)), C=1)


def test_keeps_name_signature_and_documentation():
    def f(a: int, *, b: Float[Array, "n"]) -> None:
        """Words."""

    checked = signature(locals=True)(f)
    assert (checked.__name__, checked.__doc__, checked.__module__) == ("f", "Words.", __name__)
    assert inspect.signature(checked) == inspect.signature(f)


def test_locals_keep_defaults_lines_and_keywords():
    log: list[int] = []

    @signature(locals=True)
    def f(x: Float[Array, "n"], scale: float = 2.0, *, shift: float = 1.0, kept: object = log) -> Float[Array, "n"]:
        y: Float[Array, "n"] = scale * x + shift
        total: float = float(y.sum())
        if total > 100:
            y = np.ones((2, 2))
            z: Float[Array, "n"] = y
            return z
        return y

    assert f(np.ones(2)).tolist() == [3.0, 3.0]
    assert f(np.ones(2), 1.0, shift=0.0).tolist() == [1.0, 1.0]
    with pytest.raises(SignatureError, match="local variable `z`"):
        f(np.ones(2), 1000.0)
    with pytest.raises(TypeError, match="unexpected keyword"):
        f(np.ones(2), other=1)


CANNOT = {
    "a class that is no dataclass": (lambda: signature(type("Plain", (), {})), "put @signature on its methods"),
    "a built-in function": (lambda: signature(len), "functions, methods and dataclasses"),
}


@pytest.mark.parametrize("name", CANNOT)
def test_says_what_cannot_be_checked(name):
    act, words = CANNOT[name]
    with pytest.raises(TypeError, match=words):
        act()


def test_an_annotation_that_cannot_be_read_is_no_wrong_value():
    def unknown(x: "Flota[Array, 'n']") -> None:
        pass

    def reserved(x: Float[Array, "in"], y: Float[Array, "in+1"]) -> None:
        pass

    with pytest.raises(TypeError, match=r"annotation of `x` in .*unknown` cannot be read: name 'Flota'") as caught:
        signature(unknown)(np.ones(2))
    assert not isinstance(caught.value, SignatureError)
    with pytest.raises(TypeError, match=r"the axis `in\+1` of `y` .* Python reserves the word `in`"):
        signature(reserved)(np.ones(2), np.ones(3))


def test_locals_of_a_closure_are_refused_with_the_reason():
    scale = 2.0

    @signature(locals=True)
    def f(x: Float[Array, "n"]) -> Float[Array, "n"]:
        y: Float[Array, "n"] = scale * x
        return y

    with pytest.raises(TypeError, match="uses `scale` of an enclosing scope; pass it as an argument"):
        f(np.ones(2))


def test_symbols_may_use_an_argument():
    @signature
    def one_hot(y: Int[Array, "n"], classes: int) -> Float[Array, "n {classes}"]:
        return np.eye(classes + (len(y) == 5))[y]

    assert one_hot(np.array([0, 1]), 3).shape == (2, 3)
    with pytest.raises(TypeError):
        one_hot(np.array([0, 1, 0, 1, 0]), 3)


def test_observed_calls_are_the_first_of_each_function():
    with observed_calls() as calls:
        product(np.ones((2, 3)), np.ones((3, 4)))
        product(np.ones((1, 1)), np.ones((1, 1)))
    product(np.ones((1, 1)), np.ones((1, 1)))
    assert [(call.function, call.values["return"].shape) for call in calls] == [("product", (2, 4))]


MODULE = """
from __future__ import annotations
from dataclasses import dataclass
import numpy as np
from jaxtyping import Float
from shapecheck import signature
Array = np.ndarray

@signature(locals=True)
def f(x: Float[Array, "n"], y: Float[Array, "n"]) -> Float[Array, "n"]:
    z: Float[Array, "n"] = x if len(x) < 9 else y[None]
    return z

@signature
@dataclass
class Pair:
    a: Float[Array, "n"]
    b: Float[Array, "n"]
"""
TRY = """
def said(act):
    try:
        act()
    except BaseException as error:
        print(type(error).__name__, str(error).splitlines()[0])
    else:
        print("accepted")

import numpy as np
said(lambda: net.f(np.ones(2), np.ones(2)))
said(lambda: net.f(np.ones(2), np.ones(3)))
said(lambda: net.f(np.ones(9), np.ones(9)))
said(lambda: net.Pair(np.ones(2), np.ones(3)))
"""
REFUSALS = [
    "accepted",
    "SignatureError argument `y` of `f` has shape (3,): its axis 0 is 3, and `n` is 2 (axis 0 of `x`)",
    "SignatureError local variable `z` of `f` has shape (1, 9): it has 2 dimensions, and its signature has 1",
    "SignatureError argument `b` of `Pair.__init__` has shape (3,): its axis 0 is 3, and `n` is 2 (axis 0 of `a`)",
]
HOOK = (
    "from jaxtyping import install_import_hook\nwith install_import_hook('net', 'beartype.beartype'):\n    import net\n"
)
# jaxtyping's own switch leaves the local variables, which are checked here.
RUNS = {
    "plain": ("import net\n", {}, REFUSALS),
    "under-the-import-hook": (HOOK, {}, REFUSALS),
    "off": ("import net\n", {"SHAPECHECK": "off"}, ["accepted"] * 4),
}


@pytest.mark.parametrize("name", RUNS)
def test_in_a_process_of_its_own(name, tmp_path, monkeypatch):
    start, environment, expected = RUNS[name]
    (tmp_path / "net.py").write_text(MODULE)
    (tmp_path / "main.py").write_text(start + TRY)
    monkeypatch.delenv("SHAPECHECK", raising=False)
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    done = subprocess.run([sys.executable, "main.py"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == expected


def test_off_leaves_the_function_itself(monkeypatch):
    monkeypatch.setenv("SHAPECHECK", "off")

    def f(x: Float[Array, "n"]) -> None:
        pass

    assert signature(f) is f
    assert signature(locals=True)(f) is f


def test_works_in_a_script_without_source(tmp_path):
    """Typed at a prompt there is no source to read; arguments are checked all the same."""
    code = textwrap.dedent("""
        import numpy as np
        from jaxtyping import Float
        from shapecheck import signature

        @signature
        def f(x: Float[np.ndarray, "n"], y: Float[np.ndarray, "n"]):
            pass

        try:
            f(np.ones(2), np.ones(3))
        except TypeError as error:
            print(type(error).__name__)
    """)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip() == "SignatureError"


def test_diagnose_still_sees_into_a_function_whose_locals_are_checked(tmp_path):
    (tmp_path / "net.py").write_text(
        textwrap.dedent("""
        import numpy as np
        from jaxtyping import Float
        from shapecheck import signature

        @signature(locals=True)
        def step(X: Float[np.ndarray, "m n"], W: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "m k"]:
            Z: Float[np.ndarray, "m k"] = X @ W
            return Z @ W

        step(np.ones((4, 3)), np.ones((3, 2)))
    """)
    )
    command = [sys.executable, "-m", "shapecheck", "diagnose", "--format", "json", "net.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    finding = json.loads(done.stdout)["findings"][0]
    assert (finding["location"]["line"], [o["shape"] for o in finding["operands"]]) == (9, [[4, 2], [3, 2]])
