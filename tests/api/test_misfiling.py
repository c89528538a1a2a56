"""What was charted on the wrong episode (E03): shown first, counts no more, recorded where it belongs, and everything that
followed from it follows. Over HTTP, with everything real."""

import itertools
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import psycopg
import pytest
from psycopg.errors import RestrictViolation

from local.rehearsal.caller import Caller, Refused
from local.rehearsal.house import House
from local.rehearsal.stage import Stage
from runtime.keyring_file import load_keyring
from runtime.staff_words import WordOpener
from tests.api.conftest import MOMENT
from tests.api.test_exports import asked
from tests.api.test_exports import made as copied
from tests.api.test_merging import rows
from tests.api.test_people import far_token
from tests.api.test_refusals import admitted, refused, started

PHQ9 = {**{str(n): 3 for n in range(1, 9)}, "9": 2}
NOBODY = "00000000-0000-5000-8000-000000000000"
_keys = itertools.count(1)


def answers(house: House, assessment: str, person: str) -> dict[str, Any]:
    """As they lie sealed under that person's key."""
    ((sealed, clear, wrapped),) = rows(
        house, "SELECT a.sealed_answers, a.answers, p.wrapped_key FROM assessment a, person p WHERE a.id::text = %(i)s AND "
        "p.id::text = %(p)s", i=assessment, p=person,
    )  # fmt: skip
    assert clear == {}
    return WordOpener(load_keyring(house.settings), {UUID(person): bytes(wrapped)}).answers(
        UUID(assessment), bytes(sealed), clear
    )


def path(stage: Stage) -> str:
    return f"/v1/episodes/{stage.episode}/misfilings"


def shown(caller: Caller, stage: Stage, kind: str, subject: str, right: Stage | None = None) -> dict[str, Any]:
    body = {"kind": kind, "subject": subject, "right_episode": right.episode if right else None}
    return caller.post("clinician", f"{path(stage)}/preview", body)


def say(
    caller: Caller, stage: Stage, kind: str, subject: str, right: Stage | None = None, role: str = "clinician",
    key: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Shown and said; what left for a payer in between makes one look again, as a person would."""
    for last in (False, False, True):
        seen = shown(caller, stage, kind, subject, right)["seen"]
        body = {
            "kind": kind, "subject": subject, "right_episode": right.episode if right else None, "reason": "same_name",
            "seen": seen,
        }  # fmt: skip
        try:
            return caller.post(role, path(stage), body, key=key)
        except Refused as error:
            if error.code != "stale" or last:
                raise
    raise AssertionError("the last round answers or raises")


def dues(house: House, stage: Stage, instrument: str) -> dict[str, str]:
    found = rows(
        house, "SELECT id::text, status FROM assessment_due WHERE episode_id::text = %(e)s AND instrument = %(i)s",
        e=stage.episode, i=instrument,
    )  # fmt: skip
    return dict(found)


def disclose(house: House, stage: Stage, content: str) -> str:
    made = str(uuid4())
    with psycopg.connect(house.postgres.dsn("stepdown"), autocommit=True) as connection:
        connection.execute(
            "INSERT INTO disclosure (id, person_id, episode_id, content, purpose, recipient, exception, fingerprint, "
            "intent_at, actor) SELECT %s, person_id, id, %s, 'legal', 'court/first', 'court_order', 'f', %s, 'director' "
            "FROM episode WHERE id = %s",
            (made, content, MOMENT + timedelta(minutes=5), stage.episode),
        )
    return made


def test_an_assessment_of_somebody_else_counts_no_more_and_is_charted_where_it_belongs(
    house: House, caller: Caller
) -> None:
    wrong, right = admitted(caller), admitted(caller)
    before, theirs = dues(house, wrong, "PHQ9"), dues(house, right, "PHQ9")
    assert set(before.values()) == {"due"}
    made = wrong.assess("PHQ9", **PHQ9)
    assert made["alerts"], "this answer raises an alert"
    assert {s for i, s in dues(house, wrong, "PHQ9").items() if i in before} == {"completed"}
    left, elsewhere = disclose(house, wrong, "handoff"), disclose(house, wrong, "eligibility_query")
    untouched = dues(house, wrong, "PHQ9")

    seen = shown(caller, wrong, "assessment", made["assessment_id"], right)
    assert dues(house, wrong, "PHQ9") == untouched, "a preview changes nothing"
    assert seen["other_person"]
    assert left in seen["disclosures_to_review"]
    assert elsewhere not in seen["disclosures_to_review"], "an eligibility query holds no assessment"
    acts = [(e["what"], e["act"]) for e in seen["effects"]]
    assert ("alert", "cleared") in acts
    assert ("requirement", "due") in acts
    answer = say(caller, wrong, "assessment", made["assessment_id"], right, key="misfiled-000001")
    assert answer["disclosures_to_review"] == seen["disclosures_to_review"]
    body = {"kind": "assessment", "subject": made["assessment_id"], "right_episode": right.episode,
            "reason": "same_name", "seen": seen["seen"]}  # fmt: skip
    assert caller.post("clinician", path(wrong), body, key="misfiled-000001") == answer, "a repeat says it once"
    assert refused(caller, "clinician", f"{path(wrong)}/preview", {
        "kind": "assessment", "subject": made["assessment_id"]}).code == "already_decided"  # fmt: skip

    after = dues(house, wrong, "PHQ9")
    assert {after[i] for i in before} == {"due"}
    assert {s for i, s in after.items() if i not in before} <= {"cancelled"}
    page, other = wrong.page(), right.page()
    assert made["assessment_id"] not in [a["id"] for a in page["assessments"]]
    assert not [a for a in page["alerts"] if a["rule"] in {x["rule"] for x in made["alerts"]}]
    assert answer["recorded_as"] in [a["id"] for a in other["assessments"]]
    assert {a["rule"] for a in other["alerts"]} >= {x["rule"] for x in made["alerts"]}
    assert {dues(house, right, "PHQ9")[i] for i in theirs} == {"completed"}
    assert answers(house, made["assessment_id"], page["person_id"]) == PHQ9, "the fact itself is as it was"
    assert answers(house, answer["recorded_as"], other["person_id"]) == PHQ9, "and is sealed anew for whom it is about"
    (item,) = [i for i in page["open_items"] if i["kind"] == "disclosures_of_other_person"]
    assert (item["owner_role"], item["rule"]) == ("director", "E03")
    assert left in item["why"]
    assert right.episode not in str(page), "who may see this one may not see the other"


def test_each_episode_says_its_half_and_the_house_both(house: House, caller: Caller) -> None:
    wrong, right = admitted(caller), admitted(caller)
    made = wrong.assess("PHQ9", **PHQ9)
    answer = say(caller, wrong, "assessment", made["assessment_id"], right)
    (out,) = caller.get("reviewer", path(wrong))["items"]
    (into,) = caller.get("reviewer", path(right))["items"]
    assert (out["direction"], into["direction"]) == ("out", "in")
    assert out["recorded_as"] == into["recorded_as"] == answer["recorded_as"]
    found = rows(
        house, "SELECT episode_id::text, kind, detail::text FROM timeline_entry WHERE detail->>'misfiling' = %(m)s",
        m=answer["misfiling_id"],
    )  # fmt: skip
    assert {(e, k) for e, k, _ in found} == {(wrong.episode, "misfiled"), (right.episode, "recorded_from_elsewhere")}
    for episode, _, detail in found:
        assert ({wrong.episode, right.episode} - {episode}).pop() not in detail
    audit = rows(house, "SELECT actor, detail FROM audit_entry WHERE action = 'misfiled' AND subject = %(s)s",
                 s=f"misfiling/{answer['misfiling_id']}")  # fmt: skip
    assert [(a, d["episode"], d["right_episode"]) for a, d in audit] == [
        ("clinician:clinician", wrong.episode, right.episode)
    ]
    with pytest.raises(RestrictViolation), psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        connection.execute("UPDATE misfiling SET reason = 'other'")


def test_a_plan_no_longer_stands_on_somebody_elses_rating(house: House, caller: Caller) -> None:
    """LOC-04: what the other person's rating recommended is recommended no more."""
    stage = started(caller)
    stage.driver.now = MOMENT - timedelta(hours=1)  # type: ignore[misc]
    stage.sign("treatment", "part2_tpo", "financial", "privacy_notice")
    stage.assess("PRE_SCREEN", done=1)
    stage.rate("3.5")
    rating = next(a["id"] for a in stage.page()["assessments"] if a["instrument"] == "LOC_DIM")
    wish = {"to_level": "3.5", "effective_at": MOMENT.isoformat()}
    plan = f"/v1/episodes/{stage.episode}/transitions/preview"
    assert caller.post("clinician", plan, wish)["recommended_level"] == "3.5"
    answer = say(caller, stage, "assessment", rating)
    assert answer["recorded_as"] is None
    assert caller.post("clinician", plan, wish)["recommended_level"] is None


def test_a_repeat_that_was_done_since_stands_for_what_was_wrong(house: House, caller: Caller) -> None:
    """Had the wrong one not been there, the next result would have satisfied the requirement (ASM-05)."""
    wrong = admitted(caller)
    before = dues(house, wrong, "PHQ9")
    made = wrong.assess("PHQ9", **PHQ9)
    later = wrong.assess("PHQ9", **{k: 0 for k in PHQ9})
    say(caller, wrong, "assessment", made["assessment_id"])
    found = rows(house, "SELECT status, satisfied_by::text FROM assessment_due WHERE id::text = ANY(%(i)s)",
                 i=list(before))  # fmt: skip
    assert set(found) == {("completed", later["assessment_id"])}


def test_unknown_hidden_and_not_of_this_episode_are_the_same(house: House, caller: Caller) -> None:
    wrong, right = admitted(caller), admitted(caller)
    made = wrong.assess("PHQ9", **PHQ9)
    body = {"kind": "assessment", "subject": made["assessment_id"], "reason": "same_name", "seen": "0" * 64}
    assert refused(caller, "clinician", path(right), body).code == "not_found", "it stands elsewhere"
    assert refused(caller, "clinician", path(wrong), body | {"subject": NOBODY}).code == "not_found"
    assert refused(caller, "clinician", path(wrong), body | {"right_episode": NOBODY}).code == "not_found"
    assert refused(caller, "clinician", path(wrong), body | {"right_episode": wrong.episode}).code == "invalid_request"
    assert refused(caller, "clinician", path(wrong), body).code == "stale", "not what was shown"
    assert refused(caller, "biller", path(wrong), body).code == "forbidden"
    say(caller, wrong, "assessment", made["assessment_id"])
    told = refused(caller, "clinician", path(right), body)
    assert told.code == "not_found", "what was said of another episode's fact is not told here"
    far = {"Authorization": f"Bearer {far_token(house)}"}
    unseen = [httpx2.get(f"{house.url}/v1/episodes/{e}/misfilings", headers=far) for e in (wrong.episode, NOBODY)]
    assert [a.status_code for a in unseen] == [404, 404]
    assert unseen[0].json()["detail"].replace(wrong.episode, "x") == unseen[1].json()["detail"].replace(NOBODY, "x")


class Papers:
    def __init__(self, house: House, caller: Caller) -> None:
        self.http, self.caller = httpx2.Client(base_url=house.url, timeout=60), caller

    def headers(self, role: str, **more: str) -> dict[str, str]:
        return {**self.caller._headers(role), "Idempotency-Key": f"paper-misfiled-{next(_keys):06d}", **more}

    def file(self, url: str, body: bytes, **params: Any) -> dict[str, Any]:
        answer = self.http.post(
            url, params=params, content=body, headers=self.headers("clinician", **{"Content-Type": "text/plain"})
        )
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def body(self, document: str, role: str = "clinician") -> httpx2.Response:
        return self.http.get(f"/v1/documents/{document}/body", headers=self.caller._headers(role))


@pytest.fixture
def papers(house: House, caller: Caller) -> Iterator[Papers]:
    made = Papers(house, caller)
    yield made
    made.http.close()


def test_a_document_is_voided_in_every_version_and_filed_under_the_right_key(
    house: House, caller: Caller, papers: Papers
) -> None:
    wrong, right = admitted(caller), admitted(caller)
    day = MOMENT.date().isoformat()
    first = papers.file(
        f"/v1/episodes/{wrong.episode}/documents", b"came to the group", kind="progress_note", service_date=day, sign=True
    )  # fmt: skip
    last = papers.file(f"/v1/documents/{first['document_id']}/amend", b"came late to the group", sign=True)
    assert refused(caller, "clinician", f"{path(wrong)}/preview", {
        "kind": "document", "subject": first["document_id"]}).code == "stale", "amended: the last version is meant"  # fmt: skip
    answer = say(caller, wrong, "document", last["document_id"], right, role="director")
    found = rows(
        house, "SELECT id::text, void_reason, voided_by FROM clinical_document WHERE episode_id::text = %(e)s",
        e=wrong.episode,
    )  # fmt: skip
    assert sorted(found) == sorted(
        (d["document_id"], "wrong_patient", "director:director") for d in (first, last)
    )  # fmt: skip
    made = rows(
        house, "SELECT d.person_id = e.person_id, d.author, d.signed_at, d.sha256, d.version, d.received_by "
        "FROM clinical_document d JOIN episode e ON e.id = d.episode_id WHERE d.id::text = %(i)s AND e.id::text = %(e)s",
        i=answer["recorded_as"], e=right.episode,
    )  # fmt: skip
    assert made == [(True, "clinician:clinician", None, last["sha256"], 1, "director:director")], "to be signed anew"
    assert papers.body(answer["recorded_as"]).content == b"came late to the group"
    assert [i["kind"] for i in right.page()["open_items"] if i["subject_id"] == answer["recorded_as"]] == [
        "document_unsigned"
    ]
    assert not [i for i in wrong.page()["open_items"] if i["kind"] == "document_unsigned"]


def test_a_counselling_note_is_its_authors_to_move_and_nobody_elses(
    house: House, caller: Caller, papers: Papers
) -> None:
    wrong, right = admitted(caller), admitted(caller)
    note = papers.file(
        f"/v1/episodes/{wrong.episode}/documents", b"said in confidence", kind="counselling_note",
        service_date=MOMENT.date().isoformat(), sign=True,
    )  # fmt: skip
    body = {"kind": "document", "subject": note["document_id"], "right_episode": right.episode}
    assert refused(caller, "director", f"{path(wrong)}/preview", body).code == "forbidden"
    answer = say(caller, wrong, "document", note["document_id"], right)
    assert papers.body(answer["recorded_as"]).content == b"said in confidence"
    assert papers.body(answer["recorded_as"], "director").status_code == 403


def test_a_signature_of_somebody_else_covers_nothing_and_both_are_asked(house: House, caller: Caller) -> None:
    wrong, right = admitted(caller), started(caller)
    consent = next(
        c["id"] for c in wrong.page()["consents"] if c["form"] == "part2_tpo" and c["status"] == "signed"
    )  # fmt: skip
    rode = rows(house, "SELECT id::text FROM disclosure WHERE consent_id::text = %(c)s", c=consent)
    answer = say(caller, wrong, "consent", consent, right)
    assert {i for (i,) in rode} <= set(answer["disclosures_to_review"]), "all that rode on it"
    assert answer["recorded_as"] is None
    states = {c["id"]: c["status"] for c in wrong.page()["consents"]}
    assert states[consent] == "voided"
    assert "consent_to_renew" in [i["kind"] for i in wrong.page()["open_items"]]
    assert "consent_to_sign" in [i["kind"] for i in right.page()["open_items"]]
    assert "signed" not in {c["status"] for c in right.page()["consents"] if c["form"] == "part2_tpo"}
    gate = {
        "content": "authorization_request",
        "purpose": "payment",
        "recipient": "payer/meridian",
        "recipient_class": "health_plans",
    }
    would = caller.post("reviewer", f"/v1/episodes/{wrong.episode}/disclosures/preview", gate)
    assert would["allowed"] is False, would


def test_a_copy_for_the_patient_holds_nothing_of_somebody_else(house: House, caller: Caller, papers: Papers) -> None:
    wrong = admitted(caller)
    made = wrong.assess("PHQ9", **PHQ9)
    note = papers.file(
        f"/v1/episodes/{wrong.episode}/documents", b"of another", kind="progress_note",
        service_date=MOMENT.date().isoformat(), sign=True,
    )  # fmt: skip
    say(caller, wrong, "assessment", made["assessment_id"])
    say(caller, wrong, "document", note["document_id"])
    person = wrong.page()["person_id"]
    export = asked(caller, person)["export_id"]
    copied(caller, export)
    answer = papers.http.get(f"/v1/exports/{export}/bundle", headers=caller._headers("director"))
    assert answer.status_code == 200, answer.text
    assert wrong.episode in answer.text
    assert made["assessment_id"] not in answer.text
    assert note["document_id"] not in answer.text


def test_a_movement_is_taken_back_by_its_own_correction_and_owed_where_it_belongs(house: House, caller: Caller) -> None:
    wrong, right = admitted(caller), admitted(caller)
    wrong.leave(MOMENT + timedelta(days=1))
    assert wrong.page()["away"]
    leave = next(m["id"] for m in wrong.page()["movements"] if m["kind"] == "leave")
    answer = say(caller, wrong, "movement", leave, right, key="misfiled-leave1")
    assert ("movement", "voided") in {(e["what"], e["act"]) for e in answer["effects"]}
    assert not wrong.page()["away"]
    (owed,) = [i for i in right.page()["open_items"] if i["kind"] == "movement_to_record"]
    assert owed["owner_role"] == "clinician"
    assert wrong.episode not in owed["why"]
    body = {"kind": "movement", "subject": leave, "right_episode": right.episode, "reason": "same_name",
            "seen": "0" * 64}  # fmt: skip
    with pytest.raises(Refused) as again:
        caller.post("clinician", path(wrong), body)
    assert again.value.code == "already_decided"
    assert rows(house, "SELECT count(*) FROM movement WHERE supersedes::text = %(m)s", m=leave) == [(1,)]


def test_of_another_record_of_the_same_person_nothing_is_a_breach(house: House, caller: Caller) -> None:
    wrong = started(caller)
    person = wrong.page()["person_id"]
    other = started(
        caller, existing_person=person, facility="lakeside", coverages=[{"payer": "statecare", "rank": 2}]
    )  # fmt: skip
    made = wrong.assess("PHQ9", **PHQ9)
    disclose(house, wrong, "handoff")
    seen = shown(caller, wrong, "assessment", made["assessment_id"], other)
    assert (seen["other_person"], seen["disclosures_to_review"]) == (False, [])
