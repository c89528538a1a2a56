"""Whatever stands in a bundle, reading it answers: a referral or problems, never an exception."""

import copy
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from definitions.referral import ImportProblem, Referral
from interchange.fhir.referral import read_referral
from tests.interchange.fhir.samples import PAYERS, whole

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += places(inner, (*path, key))
    return found


PLACES = places(whole())


def answers(data: Any) -> None:
    found = read_referral(data, PAYERS)
    if isinstance(found, Referral):
        assert found.coverages
        assert found.diagnoses
        json.dumps(found.model_dump(mode="json"), ensure_ascii=False).encode()
    else:
        assert found
        assert all(isinstance(problem, ImportProblem) for problem in found)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PLACES), ANYTHING), min_size=1, max_size=3))
def test_any_field_replaced_by_anything(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    bundle = whole()
    for path, value in changes:
        holder: Any = bundle
        for key in path[:-1]:
            holder = (
                holder.get(key) if isinstance(holder, dict)
                else holder[key] if isinstance(holder, list) and isinstance(key, int) and key < len(holder)
                else None
            )  # fmt: skip
        if isinstance(holder, dict) or (
            isinstance(holder, list) and isinstance(path[-1], int) and path[-1] < len(holder)
        ):
            holder[path[-1]] = copy.deepcopy(value)
    answers(bundle)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60) | ANYTHING)
def test_any_bytes_and_any_value(data: Any) -> None:
    answers(data)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_any_field_left_out(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(PLACES))
    bundle: Any = whole()
    holder = bundle
    for key in path[:-1]:
        holder = holder[key]
    del holder[path[-1]]
    answers(bundle)
