"""Every door as every role: the answers are what the policy says (api/policy.py), and no route is without a line."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2
import psycopg
import pytest
from fastapi.routing import iter_route_contexts

from api.app import create_app
from api.policy import POLICY, PUBLIC, admits
from definitions.vocabulary import Role
from local.rehearsal.caller import Caller
from local.rehearsal.house import House
from local.stack.folder import first_settings
from runtime.settings import Settings
from tests.api import knocks

ROLES: Final = tuple(r.value for r in Role if r is not Role.SYSTEM)
PAGES: Final = frozenset(
    door
    for door in POLICY
    if re.match(r"[A-Z]+ /(login|logout|board|break-glass|queue|worklist|episodes|authorizations|people|$)", door)
)
CSRF: Final = re.compile(r'name="csrf" value="([^"]+)"')
_keys = itertools.count(1)


def settings() -> Settings:
    said = {name.removeprefix("STEPDOWN_").lower(): value for name, value in first_settings().items()}
    return Settings(database_url="postgresql+psycopg://nobody@127.0.0.1/nothing", **said)  # type: ignore[arg-type]


def doors() -> dict[str, Any]:
    """Every route of the app with the context it is mounted in, static files aside."""
    found = {}
    for context in iter_route_contexts(create_app(settings()).routes):
        for method in set(context.methods or ()) - {"HEAD"}:
            found[f"{method} {context.path}"] = context
    return found


def declared(dependant: Any) -> Iterator[frozenset[Role]]:
    """The roles a route's own `require(...)` names."""
    for one in dependant.dependencies:
        if hasattr(one.call, "roles"):
            yield one.call.roles
        yield from declared(one)


def test_every_route_has_a_line_and_every_line_a_route() -> None:
    found = doors()
    missing = [f'    "{door}": _only(Role.…),' for door in sorted(set(found) - set(POLICY))]
    assert not missing, "add to POLICY in api/policy.py, with the roles of the route's require(...):\n" + "\n".join(
        missing
    )
    gone = sorted(set(POLICY) - set(found))
    assert not gone, f"these lines of api/policy.py have no route any more; take them out: {gone}"


def test_what_a_route_declares_is_what_its_line_says() -> None:
    found = {door: list(declared(c.dependant)) for door, c in doors().items() if getattr(c, "dependant", None)}
    silent = {d for d in found if POLICY[d] and d not in PAGES and not found[d]}
    assert silent == {"GET /v1/me", "GET /v1/me/sessions", "POST /v1/me/sign-out", "GET /v1/commands/{key}"}, (
        f"these declare no roles beside their code: {sorted(silent)}"
    )
    for door, each in found.items():
        for roles in each:
            said = {r for r in ROLES if admits(roles, r)}
            line = {r for r in ROLES if admits(POLICY[door], r)}
            assert said == line, (
                f"{door}: its require(...) and its line in api/policy.py differ by {sorted(said ^ line)}"
            )


def test_a_route_without_a_line_lets_nobody_in() -> None:
    assert not any(admits(PUBLIC, role) for role in ROLES)
    assert admits(frozenset({Role.BILLER}), "admin")
    assert not admits(frozenset({Role.PAYER}), "admin")
    assert not admits(frozenset({Role.BILLER}), "nobody-knows")


@dataclass
class Neighbourhood:
    """Everybody of every role, of the facility that has the rows (`near`), of another (`far`), and of the first but
    blocked by the person of the rows (`barred`)."""

    client: httpx2.Client
    rows: knocks.Rows
    tokens: dict[tuple[str, str], str] = field(default_factory=dict)
    cookies: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    csrf: dict[tuple[str, str], str] = field(default_factory=dict)

    def knock(
        self, door: str, who: tuple[str, str] | None, *, rows: knocks.Rows | None = None, spoilt: bool = False
    ) -> httpx2.Response:
        """`spoilt`: with a field no body has, so that whoever may come in changes nothing."""
        method, path = door.split(" ")
        behind = rows or self.rows
        query = {n: behind.fill("{facility}" if v == "harbor" else v) for n, v in knocks.QUERIES.get(door, {}).items()}
        headers, cookies = {"Idempotency-Key": f"knock-{next(_keys):08d}"}, {}
        sent: dict[str, Any] = {}
        if who is not None:
            headers["Authorization"] = f"Bearer {self.tokens[who]}"
            cookies = self.cookies[who] if door in PAGES else {}
        if method == "POST" and door in PAGES:
            form = {n: behind.fill(v) for n, v in knocks.FORMS.get(door, {}).items()}
            csrf = self.csrf.get(who, "") if who is not None else ""
            sent["data"] = {"csrf": "" if spoilt else csrf, "key": headers["Idempotency-Key"], **form}
        elif method == "POST" and "/x12" in path:
            sent["content"] = b"not a file of ours"
        elif method == "POST":
            body = knocks.BODIES.get(door) if door not in knocks.STARTS else knocks.starting(door)
            assert body is not None, f'add to BODIES in tests/api/knocks.py: "{door}": {{...}} (a body that it reads)'
            sent["json"] = {**body, "surprise": True} if spoilt else body
        address = behind.fill(path.replace("{name}", knocks.ACTS.get(door, "resolve")))
        if cookies:
            headers["Cookie"] = "; ".join(f"{n}={v}" for n, v in cookies.items())
        if path == "/v1/events":
            with self.client.stream(method, address, headers=headers) as answer:
                if answer.status_code >= 400:
                    answer.read()
                return answer
        return self.client.request(method, address, params=query, headers=headers, **sent)


@pytest.fixture(scope="module")
def streets(house: House) -> Iterator[Neighbourhood]:
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        for place, facility in (("near", "harbor"), ("far", "lakeside"), ("barred", "harbor")):
            for role in ROLES:
                connection.execute(
                    "INSERT INTO app_user (username, role, facilities, password_hash, disabled) "
                    "SELECT %s, %s, to_jsonb(ARRAY[%s]), password_hash, false FROM app_user WHERE username = 'director' "
                    "ON CONFLICT DO NOTHING",
                    (f"{place}-{role}", role, facility),
                )
    caller = Caller(house.url, prefix="policy")
    rows = knocks.make_rows(house, caller)
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        for role in ROLES:
            connection.execute(
                "INSERT INTO person_access (id, person_id, kind, username, reason, set_at, set_by) "
                "VALUES (gen_random_uuid(), %s, 'blocked', %s, 'neighbour', %s, 'director:director')",
                (rows.ids["person_id"], f"barred-{role}", knocks.AT),
            )
    caller.close()
    with httpx2.Client(base_url=house.url, timeout=60, follow_redirects=False) as client:
        made = Neighbourhood(client, rows)
        for place in ("near", "far", "barred"):
            for role in ROLES:
                _enter(made, house, place, role)
        yield made


def _enter(made: Neighbourhood, house: House, place: str, role: str) -> None:
    form = {"grant_type": "password", "username": f"{place}-{role}", "password": "local"}
    if role == "payer":
        name = "bluestone" if place == "far" else "meridian"
        secret = house.settings.payer_secret.get_secret_value()
        form = {"grant_type": "client_credentials", "client_id": f"payer-{name}", "client_secret": secret}
    made.tokens[place, role] = made.client.post("/oauth/token", data=form).json()["access_token"]
    with httpx2.Client(base_url=house.url, timeout=60) as browser:
        page = browser.post("/login", data={"username": f"{place}-{role}", "password": "local"}, follow_redirects=True)
        made.cookies[place, role] = dict(browser.cookies)
        found = CSRF.search(page.text)
        made.csrf[place, role] = found[1] if found else ""


LOCKED: Final = sorted(door for door, line in POLICY.items() if line)
OF_NO_FACILITY: Final = ("{key}", "{kind}", "{username}", "/clients")
"""What stands in the paths of things that belong to the whole house."""
ABOUT_ROWS: Final = frozenset(
    door for door in LOCKED
    if door in knocks.QUERIES or ("{" in door and not any(part in door for part in OF_NO_FACILITY))
)  # fmt: skip


@pytest.mark.parametrize("door", LOCKED)
def test_without_a_token_nothing_answers(streets: Neighbourhood, door: str) -> None:
    answer = streets.knock(door, None)
    if door in PAGES:
        assert (answer.status_code, answer.headers["location"].split("?")[0]) == (303, "/login")
    else:
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


@pytest.mark.parametrize("door", LOCKED)
def test_the_wrong_role_is_refused_everywhere(streets: Neighbourhood, door: str) -> None:
    wrong = [role for role in ROLES if not admits(POLICY[door], role)]
    for place, role in itertools.product(("near", "far"), wrong):
        answer = streets.knock(door, (place, role))
        assert answer.status_code == 403, f"{door} as {role} of {place}: {answer.status_code} {answer.text[:200]}"
        assert "Testerman" not in answer.text


@pytest.mark.parametrize("door", sorted(ABOUT_ROWS))
def test_another_house_is_the_same_as_unknown(streets: Neighbourhood, door: str) -> None:
    right = [role for role in ROLES if admits(POLICY[door], role)]
    assert right, door
    for role in right:
        other = streets.knock(door, ("far", role))
        unknown = streets.knock(door, ("near", role), rows=streets.rows.unknown)
        assert (other.status_code, unknown.status_code) == (404, 404), f"{door} as {role}: {other.text[:300]}"
        if door not in PAGES:
            assert other.json()["code"] == unknown.json()["code"] == "not_found"
            shown = [v for v in streets.rows.ids.values() if v in other.text and v not in str(other.request.url)]
            assert not [v for v in shown if knocks._is_id(v)], f"{door} as {role}: {other.text[:300]}"


@pytest.mark.parametrize("door", LOCKED)
def test_the_right_role_comes_in(streets: Neighbourhood, door: str) -> None:
    """With a spoilt body, so that nothing is changed: it was read, which only somebody who may come in gets."""
    for role in (role for role in ROLES if admits(POLICY[door], role)):
        answer = streets.knock(door, ("near", role), spoilt=True)
        said = f"{door} as {role}: {answer.status_code} {answer.text[:300] if door != 'GET /v1/events' else ''}"
        assert answer.status_code < 500, said
        if door in PAGES and door.startswith("POST"):
            assert answer.status_code == 403, said
            assert "load it again" in answer.text, said
        elif door in ("GET /v1/commands/{key}", "GET /v1/census"):
            assert answer.status_code == 404, said  # no such command; that day is not closed
        elif door == "POST /v1/payers/{payer}/x12":
            assert answer.status_code == 200, said
        elif door.startswith("POST") and not door.endswith(("/acknowledge", "/people/duplicates")):
            assert answer.status_code == 422, said
        elif door == "GET /v1/exchange/quarantine/{message_id}":
            assert (answer.status_code, answer.json()["text"]) == (200, None), said
        else:
            assert answer.status_code == 200, said


@pytest.mark.parametrize(
    "door", sorted(d for d in LOCKED if d.startswith("GET") and d not in ABOUT_ROWS | {"GET /v1/events"})
)
def test_lists_hold_nothing_of_another_house(streets: Neighbourhood, door: str) -> None:
    for role in (role for role in ROLES if admits(POLICY[door], role)):
        answer = streets.knock(door, ("far", role))
        assert answer.status_code in (200, 404), f"{door} as {role}: {answer.text[:300]}"
        assert not [n for n in ("episode_id", "transition_id", "case_id", "message_id", "exception_id")
                    if streets.rows.ids[n] in answer.text], f"{door} as {role}"  # fmt: skip


HOUSES: Final = frozenset(
    {
        "GET /", "GET /board/now", "GET /v1/census", "GET /v1/census/board", "POST /v1/facilities/{facility}/exceptions",
        "POST /v1/facilities/{facility}/midnight-close", "POST /v1/sessions/{session_id}/attendance",
        "POST /v1/payers/{payer}/x12", "POST /fhir/payers/{payer}/notifications", "GET /v1/payers/{payer}/clients",
        "POST /v1/payers/{payer}/clients",
    }
)  # fmt: skip
"""Doors that name a place or a payer and nobody: who is blocked comes in, and is shown nothing of the person."""
OF_PERSON: Final = (
    "episode_id", "person_id", "transition_id", "case_id", "consent_id", "alert_id", "item_id", "exception_id",
    "document_id", "disclosure_id", "pair_id", "message_id",
)  # fmt: skip


@pytest.mark.parametrize("door", sorted(ABOUT_ROWS - HOUSES))
def test_somebody_who_blocked_you_is_the_same_as_unknown(streets: Neighbourhood, door: str) -> None:
    """A patient's own block (E13): role and facility are right, and the answer is that of an id nobody has."""
    for role in (role for role in ROLES if admits(POLICY[door], role)):
        blocked = streets.knock(door, ("barred", role))
        unknown = streets.knock(door, ("near", role), rows=streets.rows.unknown)
        assert (blocked.status_code, unknown.status_code) == (404, 404), f"{door} as {role}: {blocked.text[:300]}"
        if door not in PAGES:
            assert blocked.json()["code"] == "not_found"
            shown = [v for v in streets.rows.ids.values() if v in blocked.text and v not in str(blocked.request.url)]
            assert not [v for v in shown if knocks._is_id(v)], f"{door} as {role}: {blocked.text[:300]}"


@pytest.mark.parametrize(
    "door", sorted(d for d in LOCKED if d.startswith("GET") and d not in (ABOUT_ROWS - HOUSES) | {"GET /v1/events"})
)
def test_lists_hold_nothing_of_somebody_who_blocked_you(streets: Neighbourhood, door: str) -> None:
    for role in (role for role in ROLES if admits(POLICY[door], role)):
        answer = streets.knock(door, ("barred", role))
        assert answer.status_code in (200, 404), f"{door} as {role}: {answer.text[:300]}"
        told = [n for n in OF_PERSON if streets.rows.ids[n] in answer.text]
        assert not told, f"{door} as {role} tells {told}"
        assert "Testerman" not in answer.text or door in PAGES


def test_the_same_lists_hold_the_person_for_a_colleague(streets: Neighbourhood) -> None:
    """Or the test before would pass on empty lists."""
    for door, name in (
        ("GET /v1/episodes", "episode_id"), ("GET /v1/transitions", "transition_id"), ("GET /v1/authorizations", "case_id"),
        ("GET /v1/charges/exceptions", "exception_id"), ("GET /v1/exchange/quarantine", "message_id"),
        ("GET /v1/census/board", "episode_id"), ("GET /v1/people/duplicates", "pair_id"),
    ):  # fmt: skip
        role = next(r for r in ROLES if admits(POLICY[door], r))
        assert streets.rows.ids[name] in streets.knock(door, ("near", role)).text, door


def test_a_transition_of_another_house_cannot_be_slipped_into_an_act_on_ones_own(
    house: House, streets: Neighbourhood
) -> None:
    """The path names an episode of mine, the field a transition of theirs."""
    theirs = streets.rows.ids["transition_id"]
    before = _transition(house, theirs)
    caller = Caller(house.url, prefix="slipped")
    sent = knocks.referral(facility="lakeside", coverages=[{"payer": "statecare"}])
    own = caller.post("admissions", "/v1/episodes", sent)
    caller.close()
    who = ("far", "reviewer")
    form = {"csrf": streets.csrf[who], "key": "slipped-0001", "transition_id": theirs, "transition_version": "1",
            "decision": "deny", "reason": "not mine"}  # fmt: skip
    cookie = "; ".join(f"{n}={v}" for n, v in streets.cookies[who].items())
    answer = streets.client.post(f"/episodes/{own['episode_id']}/decide", data=form, headers={"Cookie": cookie})
    assert answer.status_code in (404, 409), answer.text[:300]
    assert _transition(house, theirs) == before


def _transition(house: House, transition: str) -> Any:
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        return connection.execute("SELECT status, version FROM transition WHERE id = %s", (transition,)).fetchone()
