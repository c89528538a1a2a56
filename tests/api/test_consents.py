"""Consents over HTTP: what is shown is what is signed, a minor's with a guardian until the birthday, without capacity nothing,
ended for one recipient or by term; the payer gets nothing before (domain 3.2, 3.4, 3.8; E11, E17)."""

import asyncio
import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import psycopg
import pytest

from local.rehearsal.caller import Caller
from local.rehearsal.driver import Driver
from local.rehearsal.house import House
from local.rehearsal.stage import Stage
from tests.api.conftest import MOMENT
from tests.api.test_refusals import admitted, refused, started

AT = MOMENT.isoformat()
MINOR = {"family": "Testerman", "given": ["Sasha"], "birth_date": "2010-06-01", "gender": "U"}
GUARDIAN = {
    "family": "Guardiansson",
    "given": "Kim",
    "relationship": "parent",
    "document": "doc-17",
    "from_date": "2010-06-01",
}
_names = itertools.count(1)


def path(stage: Stage, what: str = "consents") -> str:
    return f"/v1/episodes/{stage.episode}/{what}"


def minor(caller: Caller, born: str = "2010-06-01", **changes: Any) -> Stage:
    patient = MINOR | {"birth_date": born, "family": f"Testerminor{next(_names)}"}
    return started(caller, patient=patient, **changes)


def shown(caller: Caller, stage: Stage, form: str = "part2_tpo", **asked: Any) -> dict[str, Any]:
    return caller.get("clinician", path(stage, f"consents/{form}/presentation"), **asked)


def signature(form: str = "part2_tpo", **changes: Any) -> dict[str, Any]:
    return {"form": form, "signed_at": AT} | changes


def on_file(caller: Caller, stage: Stage, form: str = "part2_tpo") -> list[dict[str, Any]]:
    return [c for c in caller.get("clinician", path(stage))["items"] if c["form"] == form]


def items(caller: Caller, stage: Stage) -> dict[str, dict[str, Any]]:
    return {i["kind"]: i for i in stage.page()["open_items"]}


def rows(house: House, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        return connection.execute(statement.encode(), values).fetchall()


async def driver_now(house: House) -> datetime:
    return rows(house, "SELECT now FROM business_clock")[0][0]


async def _advance(house: House, to: datetime) -> None:
    driver = Driver(house)
    driver.closes = False
    await driver.open(await driver_now(house))
    await driver.advance(to)
    await driver.settle()
    await driver.close()


def test_what_was_shown_is_what_is_signed_kept_and_printed(house: House, caller: Caller) -> None:
    stage = started(caller)
    text = shown(caller, stage, language="es")
    assert (text["language"], text["languages"], text["parties_required"]) == ("es", ["en", "es"], ["patient"])
    assert text["paragraphs"][0]["text"].startswith("Robin Testerman")
    signed = signature(method="electronic", language="es", interpreter="int-4", shown_sha256=text["sha256"])
    made = caller.post("clinician", path(stage), signed)
    (kept,) = on_file(caller, stage)
    (line,) = kept["signatures"]
    assert (kept["id"], kept["valid"], kept["payer"]["covered"]) == (made["subject_id"], True, True)
    assert (line["party"], line["method"], line["language"]) == ("patient", "electronic", "es")
    assert (line["interpreter"], line["sha256"], line["version"]) == ("int-4", text["sha256"], "1")
    with httpx2.Client(base_url=house.url, headers=caller._headers("clinician")) as client:
        pdf = client.get(f"/v1/consents/{kept['id']}.pdf")
    assert (pdf.status_code, pdf.content[:5]) == (200, b"%PDF-")
    ((seen,),) = rows(
        house, "SELECT count(*) FROM audit_entry WHERE action = 'viewed_person' AND detail::text LIKE %s",
        f"%{kept['id']}%",
    )  # fmt: skip
    assert seen == 1
    ((sealed,),) = rows(house, "SELECT rendering FROM consent WHERE id = %s", kept["id"])
    assert b"Testerman" not in bytes(sealed)


@pytest.mark.parametrize(
    ("changes", "status", "word"),
    [
        ({"method": "electronic"}, 422, "hash"),
        ({"method": "electronic", "shown_sha256": "0" * 64}, 409, "show it again"),
        ({"method": "verbal_witnessed", "witness": "clinician:robin"}, 422, "in writing"),
        ({"language": "fr"}, 422, "interpreter"),
        ({"signed_by": "guardian"}, 422, "of age"),
        ({"signed_by": "representative"}, 422, "authority"),
        ({"form": "counselling_notes"}, 422, "recipients"),
    ],
)
def test_what_is_no_signature_is_refused_in_words(
    caller: Caller, changes: dict[str, Any], status: int, word: str
) -> None:
    stage = started(caller)
    said = refused(caller, "clinician", path(stage), signature(**changes))
    assert said.status == status
    assert word in said.body["detail"]
    assert not [c for c in on_file(caller, stage, signature(**changes)["form"]) if c["signatures"] or c["valid"]]


def test_a_hash_of_another_text_does_not_count(caller: Caller) -> None:
    """The English text was shown, the Spanish one is said to be signed."""
    stage = started(caller)
    english = shown(caller, stage)["sha256"]
    said = refused(
        caller, "clinician", path(stage), signature(method="electronic", language="es", shown_sha256=english)
    )
    assert said.code == "stale"


def test_a_minor_and_a_guardian_both_sign_before_anything_is_covered(house: House, caller: Caller) -> None:
    """42 CFR 2.14; the guardian's name is sealed."""
    stage = minor(caller)
    caller.post("clinician", path(stage), signature())
    (half,) = on_file(caller, stage)
    assert (half["status"], half["payer"]["covered"]) == ("presented", False)
    assert refused(caller, "clinician", path(stage), signature(signed_by="guardian")).status == 422
    guardian = caller.post("admissions", path(stage, "guardians"), GUARDIAN)["id"]
    caller.post("clinician", path(stage), signature(signed_by="guardian", guardian_id=guardian))
    (whole,) = on_file(caller, stage)
    assert (whole["status"], whole["payer"]["covered"]) == ("signed", True)
    assert {s["party"] for s in whole["signatures"]} == {"patient", "guardian"}
    assert caller.get("clinician", path(stage, "guardians"))["items"][0]["name"] == "Kim Guardiansson"
    ((found,),) = rows(house, "SELECT count(*) FROM timeline_entry WHERE detail::text LIKE '%%Guardiansson%%'")
    assert found == 0


def test_a_minor_who_may_consent_alone_signs_alone(caller: Caller) -> None:
    """Texas, from sixteen on: the guardian cannot sign in the minor's place."""
    stage = minor(caller, born="2009-06-01")
    guardian = caller.post("admissions", path(stage, "guardians"), GUARDIAN)["id"]
    said = refused(caller, "clinician", path(stage), signature(signed_by="guardian", guardian_id=guardian))
    assert "only the minor" in said.body["detail"]
    caller.post("clinician", path(stage), signature())
    assert on_file(caller, stage)[0]["status"] == "signed"


def test_one_recipient_of_several_is_taken_back_and_the_rest_stands(caller: Caller) -> None:
    stage = started(caller)
    named = ["probation/officer-1", "court/first"]
    made = caller.post("clinician", path(stage), signature("legal_proceedings", recipients=named))
    body = {"received_at": AT, "channel": "letter", "recipient": named[0]}
    caller.post("clinician", f"/v1/consents/{made['subject_id']}/revoke", body)
    (kept,) = on_file(caller, stage, "legal_proceedings")
    assert (kept["status"], kept["covers"]["taken_back"]) == ("signed", [named[0]])
    said = {"content": "clinical_attachment", "purpose": "legal", "recipient_class": "courts"}
    verdicts = [
        caller.post("clinician", path(stage, "disclosures/preview"), said | {"recipient": r})["allowed"] for r in named
    ]
    assert verdicts == [False, True]


def test_a_guardian_revokes_by_an_authority_on_record_only(caller: Caller) -> None:
    stage = minor(caller)
    guardian = caller.post("admissions", path(stage, "guardians"), GUARDIAN)["id"]
    caller.post("clinician", path(stage), signature())
    made = caller.post("clinician", path(stage), signature(signed_by="guardian", guardian_id=guardian))
    way, body = (
        f"/v1/consents/{made['subject_id']}/revoke",
        {"received_at": AT, "channel": "letter", "revoked_by": "guardian"},
    )
    assert refused(caller, "clinician", way, body).status == 422
    assert caller.post("clinician", way, body | {"guardian_id": guardian})["status"] == "revoked"


def test_admitted_without_consent_the_payer_gets_nothing_until_it_is_signed(house: House, caller: Caller) -> None:
    stage = started(caller)
    stage.sign("treatment", "financial", "privacy_notice")
    stage.assess("PRE_SCREEN", done=1)
    stage.rate("3.5")
    stage.move("3.5")
    asyncio.run(_advance(house, MOMENT))
    assert stage.page()["authorizations"][0]["status"] == "waiting_consent"
    assert rows(house, "SELECT count(*) FROM disclosure WHERE episode_id = %s", stage.episode) == [(0,)]
    stage.sign("part2_tpo")
    asyncio.run(_advance(house, MOMENT))
    assert stage.page()["authorizations"][0]["status"] == "approved"


def test_unable_to_sign_is_asked_again_after_eight_hours_and_each_shift(house: House, caller: Caller) -> None:
    stage = started(caller)
    made = caller.post("clinician", path(stage), signature(capacity="lacking", reason="disoriented"))
    assert made["status"] == "unable_to_sign"
    assert {c["status"] for c in on_file(caller, stage)} == {"unable_to_sign", "presented"}
    due = datetime.fromisoformat(items(caller, stage)["consent_capacity"]["due_at"])
    assert due == MOMENT + timedelta(hours=8)
    asyncio.run(_advance(house, MOMENT + timedelta(hours=9)))
    again = datetime.fromisoformat(items(caller, stage)["consent_capacity"]["due_at"])
    assert again == MOMENT + timedelta(hours=16)
    later = (MOMENT + timedelta(hours=9)).isoformat()
    caller.post("clinician", path(stage), signature(signed_at=later))
    assert "consent_capacity" not in items(caller, stage)
    assert sorted(c["status"] for c in on_file(caller, stage)) == ["signed", "unable_to_sign"]


def test_admitted_people_have_consents_that_say_what_they_cover(caller: Caller) -> None:
    stage = admitted(caller)
    (treatment,) = [c for c in on_file(caller, stage, "treatment") if c["status"] == "signed"]
    assert treatment["payer"]["covered"] is False
    assert "no consent on file covers" in treatment["payer"]["why"][0]


def test_a_consent_that_ends_before_the_days_asked_for_is_renewed_first(house: House, caller: Caller) -> None:
    stage = started(caller)
    stage.intake("3.5")
    (kept,) = on_file(caller, stage)
    with psycopg.connect(house.postgres.dsn("stepdown"), autocommit=True) as connection:
        connection.execute(
            "UPDATE consent SET expires_at = %s WHERE id = %s", (MOMENT + timedelta(days=1, hours=12), kept["id"])
        )
    stage.move("3.5")
    item = items(caller, stage)["consent_before_window"]
    assert "renew it first" in item["why"]
    assert sorted(c["status"] for c in on_file(caller, stage)) == ["presented", "signed"]
    stage.sign("part2_tpo")
    assert "consent_before_window" not in items(caller, stage)


def test_a_guardians_consent_ends_at_the_birthdays_midnight_and_the_patient_is_asked(
    house: House, caller: Caller
) -> None:
    """E11, in New York, where a minor and a guardian both sign until eighteen."""
    stage = minor(caller, born="2008-03-04", facility="lakeside")
    guardian = caller.post("admissions", path(stage, "guardians"), GUARDIAN)["id"]
    caller.post("clinician", path(stage), signature())
    caller.post("clinician", path(stage), signature(signed_by="guardian", guardian_id=guardian))
    (kept,) = on_file(caller, stage)
    assert (kept["ends_by"], kept["valid"]) == ("majority", True)
    birthday = datetime(2026, 3, 4, 5, tzinfo=UTC)
    assert datetime.fromisoformat(kept["valid_until"]) == birthday
    asyncio.run(_advance(house, birthday + timedelta(minutes=10)))
    ended, asked = on_file(caller, stage)
    assert (ended["status"], ended["payer"]["covered"], asked["status"]) == ("expired", False, "presented")
    assert "consent_majority" in items(caller, stage)
    grown = (birthday + timedelta(minutes=5)).isoformat()
    by_guardian = signature(signed_by="guardian", guardian_id=guardian, signed_at=grown)
    assert "of age" in refused(caller, "clinician", path(stage), by_guardian).body["detail"]
    caller.post("clinician", path(stage), signature(signed_at=grown))
    assert "consent_majority" not in items(caller, stage)
    assert [c["payer"]["covered"] for c in on_file(caller, stage)] == [False, True]
