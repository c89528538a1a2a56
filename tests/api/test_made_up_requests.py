"""The whole API knocked at by machine: requests made up from the OpenAPI document, as every role of two facilities, with ids of
real rows and of none. No answer is a fault of ours, none differs from the document, and none shows another house.

`make test` draws the same few dozen requests a route each time; `make fuzz` draws others, many more."""

import os
from typing import Any, Final

import schemathesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from schemathesis import checks

from api.app import create_app
from api.policy import POLICY, admits
from tests.api import test_policy
from tests.api.test_policy import ROLES, Neighbourhood, streets  # noqa: F401

MADE_UP: Final = int(os.environ.get("MADE_UP", "0"))
ENDLESS: Final = ("/v1/events",)
"""A stream has no end to wait for; tests/api/test_told.py reads it."""

schema = schemathesis.openapi.from_dict(create_app(test_policy.settings()).openapi())
KEPT: Final = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
OF_OTHERS: Final = ("episode_id", "person_id", "case_id", "transition_id", "message_id", "exception_id")


@schema.exclude(path=list(ENDLESS)).parametrize()
@schema.given(
    who=st.tuples(st.sampled_from(["near", "far"]), st.sampled_from(ROLES)), real=st.booleans(), keyed=st.booleans(),
    number=st.integers(0, 2**62),
)  # fmt: skip
@settings(
    max_examples=MADE_UP or 24, deadline=None, derandomize=not MADE_UP, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
def test_no_request_breaks_the_house_or_its_word(
    streets: Neighbourhood,  # noqa: F811
    case: Any, who: tuple[str, str], real: bool, keyed: bool, number: int,
) -> None:  # fmt: skip
    if real:
        case.path_parameters = {
            n: streets.rows.ids.get(n, v) for n, v in (case.path_parameters or {}).items()
        }  # fmt: skip
    headers = {"Authorization": f"Bearer {streets.tokens[who]}"}
    if keyed:
        headers["Idempotency-Key"] = f"made-up-{number:020d}"
    answer = case.call(base_url=str(streets.client.base_url), headers=headers, timeout=60)
    case.validate_response(answer, checks=KEPT)
    door = f"{case.method.upper()} {case.operation.path}"
    if answer.status_code >= 400:
        kind = answer.headers["content-type"][0]
        assert kind.startswith("application/problem+json") or door == "POST /oauth/token", f"{door}: {kind}"
    place, role = who
    if POLICY[door] and not admits(POLICY[door], role):
        assert answer.status_code >= 400, f"{door} as {role}"
    if place == "far" and role != "payer":
        asked = case.formatted_path
        shown = [n for n in OF_OTHERS if streets.rows.ids[n] in answer.text and streets.rows.ids[n] not in asked]
        assert not shown, f"{door} as {role} of another facility shows {shown}"
        assert "Testerman" not in answer.text, door
        assert not (
            real and "{" in case.operation.path and answer.status_code < 300 and door in test_policy.ABOUT_ROWS
        ), door
