"""Who may knock at which door: one line per route, asked at every request. A route without a line lets nobody in.

A line says which roles may use the route at all; whose rows they see is `scope` (api/auth.py), and an act on a page asks for
its own right beside (api/web/rights.py). To add a route, add its line here; tests/api/test_policy.py walks every route as
every role and says what is missing."""

from typing import Final

from fastapi import Request

from api.errors import problem
from definitions.errors import ErrorType
from definitions.vocabulary import Role

PUBLIC: Final[frozenset[Role]] = frozenset()
"""Answers without a token: nothing about anybody stands behind these routes."""
STAFF: Final = (Role.ADMISSIONS, Role.REVIEWER, Role.DIRECTOR, Role.CLINICIAN, Role.BILLER, Role.ADMIN)
SIGNED_IN: Final = frozenset(Role) - {Role.SYSTEM}
HOUSE: Final = frozenset(STAFF)
READERS: Final = HOUSE | {Role.AUDITOR}
CARE: Final = frozenset({Role.CLINICIAN, Role.ADMISSIONS})
TELLERS: Final = CARE | {Role.REVIEWER, Role.BILLER, Role.DIRECTOR}
"""Who tells somebody outside something about a person."""


def _only(*roles: Role) -> frozenset[Role]:
    return frozenset(roles)


POLICY: Final[dict[str, frozenset[Role]]] = {
    # operation
    "GET /openapi.json": PUBLIC,
    "POST /oauth/token": PUBLIC,
    "GET /.well-known/jwks.json": PUBLIC,
    "GET /healthz": PUBLIC,
    "GET /readyz": PUBLIC,
    "GET /metrics": PUBLIC,
    "GET /v1/me": SIGNED_IN,
    "GET /v1/me/sessions": SIGNED_IN,
    "POST /v1/me/sign-out": SIGNED_IN,
    "GET /v1/commands/{key}": SIGNED_IN,
    # who may sign in
    "GET /v1/users": _only(Role.ADMIN),
    "POST /v1/users": _only(Role.ADMIN),
    "POST /v1/users/{username}/changes": _only(Role.ADMIN),
    "POST /v1/users/{username}/password": _only(Role.ADMIN),
    "POST /v1/users/{username}/sign-out": _only(Role.ADMIN),
    "GET /v1/payers/{payer}/clients": _only(Role.ADMIN),
    "POST /v1/payers/{payer}/clients": _only(Role.ADMIN),
    "POST /v1/payers/{payer}/clients/{client_id}/end": _only(Role.ADMIN),
    "GET /v1/definitions/{kind}": READERS,
    "GET /v1/events": READERS,
    "OPTIONS /codec/decode": PUBLIC,
    "POST /codec/decode": _only(Role.ADMIN, Role.AUDITOR),
    # episodes
    "POST /v1/episodes": _only(Role.ADMISSIONS),
    "POST /v1/episodes/import": _only(Role.ADMISSIONS),
    "GET /v1/episodes": READERS,
    "GET /v1/episodes/{episode_id}": READERS,
    "GET /v1/episodes/{episode_id}/timeline": READERS,
    "GET /v1/episodes/{episode_id}/coverages": READERS,
    "POST /v1/episodes/{episode_id}/coverages": _only(Role.ADMISSIONS, Role.BILLER, Role.REVIEWER),
    "POST /v1/episodes/{episode_id}/assessments": CARE,
    "POST /v1/alerts/{alert_id}/acknowledge": CARE,
    "POST /v1/alerts/{alert_id}/clear": CARE,
    "POST /v1/episodes/{episode_id}/consents": HOUSE,
    "POST /v1/consents/{consent_id}/revoke": HOUSE,
    "GET /v1/episodes/{episode_id}/consents": READERS,
    "GET /v1/episodes/{episode_id}/consents/{form}/presentation": HOUSE,
    "GET /v1/consents/{consent_id}.pdf": HOUSE,
    "POST /v1/episodes/{episode_id}/guardians": CARE,
    "GET /v1/episodes/{episode_id}/guardians": HOUSE,
    "POST /v1/episodes/{episode_id}/guardians/{guardian_id}/end": CARE,
    "POST /v1/consents/{consent_id}/condition": HOUSE,
    "POST /v1/episodes/{episode_id}/leave": CARE,
    "POST /v1/episodes/{episode_id}/return": CARE,
    "POST /v1/episodes/{episode_id}/discharge": CARE,
    "POST /v1/episodes/{episode_id}/bed": CARE,
    "POST /v1/episodes/{episode_id}/corrections": CARE,
    "POST /v1/episodes/{episode_id}/misfilings/preview": _only(Role.CLINICIAN, Role.DIRECTOR),
    "POST /v1/episodes/{episode_id}/misfilings": _only(Role.CLINICIAN, Role.DIRECTOR),
    "GET /v1/episodes/{episode_id}/misfilings": READERS,
    "POST /v1/items/{item_id}/resolve": HOUSE,
    # people
    "POST /v1/people/search": _only(Role.ADMISSIONS, Role.DIRECTOR),
    "GET /v1/people/duplicates": _only(Role.ADMISSIONS, Role.DIRECTOR),
    "POST /v1/people/duplicates": _only(Role.ADMISSIONS, Role.DIRECTOR),
    "POST /v1/people/duplicates/{pair_id}/dismiss": _only(Role.ADMISSIONS, Role.DIRECTOR),
    "GET /v1/people/{person_id}/merges": _only(Role.DIRECTOR),
    "POST /v1/people/{person_id}/merge/preview": _only(Role.DIRECTOR),
    "POST /v1/people/{person_id}/merge": _only(Role.DIRECTOR),
    "POST /v1/people/{person_id}/unmerge": _only(Role.DIRECTOR),
    # transitions
    "POST /v1/episodes/{episode_id}/transitions/preview": HOUSE,
    "POST /v1/episodes/{episode_id}/transitions": CARE,
    "GET /v1/transitions": HOUSE,
    "POST /v1/transitions/{transition_id}/sign-off": _only(Role.CLINICIAN),
    "POST /v1/transitions/{transition_id}/decision": _only(Role.REVIEWER),
    "POST /v1/transitions/{transition_id}/withdraw": CARE,
    # utilization review
    "GET /v1/authorizations": HOUSE,
    "GET /v1/authorizations/{case_id}": HOUSE,
    "POST /v1/authorizations/{case_id}/reviews": _only(Role.REVIEWER),
    "POST /v1/authorizations/{case_id}/decisions": _only(Role.REVIEWER),
    "POST /v1/authorizations/{case_id}/sendings": _only(Role.REVIEWER),
    "POST /v1/authorizations/{case_id}/receipts": _only(Role.REVIEWER),
    "POST /v1/authorizations/{case_id}/peer-to-peer": _only(Role.REVIEWER),
    "POST /v1/authorizations/{case_id}/appeals": _only(Role.REVIEWER),
    "POST /v1/authorizations/{case_id}/options": _only(Role.REVIEWER),
    "POST /v1/authorizations/{case_id}/information": _only(Role.REVIEWER),
    "POST /v1/authorizations/{case_id}/cancellations": _only(Role.REVIEWER),
    "POST /v1/authorizations/{case_id}/agreements": _only(Role.REVIEWER),
    "POST /v1/authorizations/{case_id}/owner": _only(Role.REVIEWER),
    "GET /v1/authorizations/{case_id}/evidence/{evidence_id}": _only(Role.REVIEWER),
    # payers
    "GET /v1/payers": _only(Role.REVIEWER),
    "POST /v1/payers/{payer}/x12": _only(Role.PAYER),
    "POST /fhir/payers/{payer}/notifications": _only(Role.PAYER),
    "GET /v1/exchange/quarantine": _only(Role.REVIEWER),
    "GET /v1/exchange/quarantine/{message_id}": _only(Role.REVIEWER),
    "POST /v1/exchange/quarantine/{message_id}/release": _only(Role.REVIEWER),
    "POST /v1/exchange/quarantine/{message_id}/discard": _only(Role.REVIEWER),
    # census, schedule, money
    "GET /v1/census": HOUSE,
    "GET /v1/census/board": HOUSE,
    "GET /v1/schedule": HOUSE,
    "POST /v1/sessions/{session_id}/attendance": _only(Role.CLINICIAN),
    "POST /v1/facilities/{facility}/midnight-close": _only(Role.DIRECTOR),
    "GET /v1/charges": HOUSE,
    "GET /v1/charges/exceptions": _only(Role.BILLER, Role.DIRECTOR),
    "POST /v1/charges/exceptions/{exception_id}/resolve": _only(Role.BILLER, Role.DIRECTOR),
    # trust
    "POST /v1/episodes/{episode_id}/disclosures": TELLERS,
    "POST /v1/episodes/{episode_id}/disclosures/preview": TELLERS,
    "POST /v1/disclosures/{disclosure_id}/outcome": TELLERS,
    "POST /v1/episodes/{episode_id}/exceptions": CARE | {Role.DIRECTOR},
    "GET /v1/episodes/{episode_id}/exceptions": READERS,
    "POST /v1/facilities/{facility}/exceptions": _only(Role.DIRECTOR),
    "POST /v1/disclosure-exceptions/{ground_id}/end": _only(Role.DIRECTOR),
    "POST /v1/episodes/{episode_id}/legal-demands": _only(Role.DIRECTOR),
    "GET /v1/disclosures": _only(Role.AUDITOR),
    "GET /v1/disclosures.pdf": _only(Role.AUDITOR),
    # clinical documents
    "POST /v1/episodes/{episode_id}/documents": HOUSE,
    "GET /v1/episodes/{episode_id}/documents": READERS,
    "GET /v1/documents/unsigned": HOUSE,
    "GET /v1/documents/{document_id}": READERS,
    "GET /v1/documents/{document_id}/body": HOUSE,
    "POST /v1/documents/{document_id}/sign": HOUSE,
    "POST /v1/documents/{document_id}/amend": HOUSE,
    "POST /v1/documents/{document_id}/void": HOUSE,
    "POST /fhir/DocumentReference": CARE,
    # records: how long, held, deleted
    "GET /v1/retention/due": _only(Role.DIRECTOR),
    "GET /v1/patients/{person_id}/retention": _only(Role.DIRECTOR, Role.AUDITOR),
    "GET /v1/patients/{person_id}/legal-holds": _only(Role.DIRECTOR, Role.AUDITOR),
    "POST /v1/patients/{person_id}/legal-holds": _only(Role.DIRECTOR),
    "POST /v1/legal-holds/{hold_id}/release": _only(Role.DIRECTOR),
    "POST /v1/patients/{person_id}/deletions": _only(Role.DIRECTOR),
    "GET /v1/deletions/{deletion_id}": _only(Role.DIRECTOR, Role.AUDITOR),
    "POST /v1/deletions/{deletion_id}/approve": _only(Role.DIRECTOR),
    "POST /v1/deletions/{deletion_id}/decline": _only(Role.DIRECTOR),
    "POST /v1/patients/{person_id}/exports": _only(Role.DIRECTOR),
    "GET /v1/exports/{export_id}": _only(Role.DIRECTOR, Role.AUDITOR),
    "GET /v1/exports/{export_id}/bundle": _only(Role.DIRECTOR),
    "GET /v1/exports/{export_id}/pdf": _only(Role.DIRECTOR),
    "POST /v1/exports/{export_id}/hand-over": _only(Role.DIRECTOR),
    "POST /v1/exports/{export_id}/extend": _only(Role.DIRECTOR),
    # who may see whom
    "POST /v1/break-glass": CARE | {Role.REVIEWER, Role.DIRECTOR},
    "GET /v1/break-glass": _only(Role.DIRECTOR, Role.AUDITOR),
    "POST /v1/break-glass/{glass_id}/review": _only(Role.DIRECTOR),
    "GET /v1/people/{person_id}/access": _only(Role.DIRECTOR, Role.AUDITOR),
    "POST /v1/people/{person_id}/access": CARE | {Role.DIRECTOR},
    "POST /v1/people/{person_id}/access/lift": _only(Role.DIRECTOR),
    # pages
    "GET /login": PUBLIC,
    "POST /login": PUBLIC,
    "GET /login/issuer": PUBLIC,
    "GET /login/return": PUBLIC,
    "POST /logout": PUBLIC,
    "GET /": HOUSE,
    "GET /board/now": HOUSE,
    "GET /queue": HOUSE,
    "GET /break-glass": CARE | {Role.REVIEWER, Role.DIRECTOR},
    "POST /break-glass": CARE | {Role.REVIEWER, Role.DIRECTOR},
    "POST /break-glass/{glass_id}": _only(Role.DIRECTOR),
    "GET /people/duplicates": _only(Role.ADMISSIONS, Role.DIRECTOR),
    "POST /people/duplicates": _only(Role.ADMISSIONS, Role.DIRECTOR),
    "GET /people/duplicates/{pair_id}": _only(Role.ADMISSIONS, Role.DIRECTOR),
    "POST /people/duplicates/{pair_id}/dismiss": _only(Role.ADMISSIONS, Role.DIRECTOR),
    "POST /people/duplicates/{pair_id}/join": _only(Role.DIRECTOR),
    "GET /people/{person_id}/merges": _only(Role.DIRECTOR),
    "POST /people/{person_id}/unmerge": _only(Role.DIRECTOR),
    "GET /worklist": HOUSE,
    "POST /worklist": HOUSE,
    "GET /authorizations/{case_id}": HOUSE,
    "GET /authorizations/{case_id}/evidence/{evidence_id}": _only(Role.REVIEWER),
    "POST /authorizations/{case_id}/{name}": _only(Role.REVIEWER),
    "GET /episodes": HOUSE,
    "POST /episodes": HOUSE,
    "GET /episodes/new": _only(Role.ADMISSIONS),
    "POST /episodes/new": _only(Role.ADMISSIONS),
    "GET /episodes/{episode_id}": HOUSE,
    "GET /episodes/{episode_id}/consents": HOUSE,
    "GET /episodes/{episode_id}/consents/{form}": HOUSE,
    "POST /episodes/{episode_id}/consents/{form}": HOUSE,
    "GET /episodes/{episode_id}/consents/{consent_id}/print": HOUSE,
    "POST /episodes/{episode_id}/consents/{consent_id}/revoke": HOUSE,
    "POST /episodes/{episode_id}/consents/{consent_id}/condition": HOUSE,
    "POST /episodes/{episode_id}/guardians": CARE,
    "POST /episodes/{episode_id}/guardians/{guardian_id}/end": CARE,
    "POST /episodes/{episode_id}/assess": CARE,
    "POST /episodes/{episode_id}/alert": CARE,
    "POST /episodes/{episode_id}/{name}": HOUSE,  # each act asks for its own right (api/web/acts.py)
}


def admits(line: frozenset[Role], role: str) -> bool:
    """`admin` passes everywhere but as a payer."""
    return role in {r.value for r in line} or (role == Role.ADMIN.value and bool(line) and Role.PAYER not in line)


def must_pass(request: Request, role: str) -> None:
    """Raises a problem. Called where a token or a session becomes a user, so no route can forget it."""
    door = f"{request.method} {getattr(request.scope.get('route'), 'path', '')}"
    line = POLICY.get("GET" + door.removeprefix("HEAD") if door.startswith("HEAD ") else door)
    if not line:
        raise problem(ErrorType.FORBIDDEN, f"nobody may use this route yet: it has no line in the policy ({door})")
    if not admits(line, role):
        who = " or ".join(sorted(r.value.replace("_", " ") for r in line))
        raise problem(ErrorType.FORBIDDEN, f"this needs the role {who}; ask somebody who has it")
