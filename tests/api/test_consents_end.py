"""Consents that end with an event, that name one plan or go through an intermediary, and what becomes of them when the
authority of who signed ends (42 CFR 2.14, 2.15, 2.24, 2.31; domain 3.2, 3.4, 3.7)."""

from datetime import datetime, timedelta
from typing import Any

import httpx2
import psycopg
import pytest

from local.rehearsal.caller import Caller
from local.rehearsal.house import House
from local.rehearsal.stage import Stage
from tests.api.conftest import MOMENT
from tests.api.test_consents import GUARDIAN, items, minor, on_file, path, shown, signature
from tests.api.test_refusals import admitted, refused, started

AT = MOMENT.isoformat()


def sign(caller: Caller, stage: Stage, form: str, **changes: Any) -> str:
    return str(caller.post("clinician", path(stage), signature(form, **changes))["subject_id"])


def the(caller: Caller, stage: Stage, form: str) -> dict[str, Any]:
    return on_file(caller, stage, form)[-1]


def allowed(caller: Caller, stage: Stage, **asked: Any) -> dict[str, Any]:
    body = {"content": "handoff", "purpose": "treatment", "recipient_class": "treating_providers"} | asked
    return caller.post("clinician", path(stage, "disclosures/preview"), body)


def discharged(stage: Stage, at: datetime = MOMENT) -> str:
    body = {"disposition": "completed", "effective_at": at.isoformat(), "reason": "goals met"}
    return str(stage.post("clinician", path(stage, "discharge"), body)["subject_id"])


def test_a_consent_ends_with_the_treatment_and_has_its_term_back_when_the_ending_is_taken_back(caller: Caller) -> None:
    stage = admitted(caller)
    family = sign(caller, stage, "family_updates", recipients=["the sister"])
    sign(caller, stage, "patient_rights")
    before = the(caller, stage, "family_updates")
    assert (before["ends_on"], before["ends_by"], before["ends_after_days"]) == ("discharge", None, 30)
    term = datetime.fromisoformat(before["valid_until"])
    assert the(caller, stage, "patient_rights")["valid_until"] is None

    movement = discharged(stage)
    after = the(caller, stage, "family_updates")
    assert (after["id"], after["ends_by"]) == (family, "discharge")
    assert datetime.fromisoformat(after["valid_until"]) == MOMENT + timedelta(days=30)
    rights = the(caller, stage, "patient_rights")
    assert (rights["valid"], datetime.fromisoformat(rights["valid_until"]), rights["ends_by"]) == (
        False,
        MOMENT,
        "discharge",
    )
    assert the(caller, stage, "part2_tpo")["ends_by"] is None, "payment goes on after treatment: its term stands"

    body = {"movement_id": movement, "void": True, "reason": "wrong person"}
    caller.post("clinician", path(stage, "corrections"), body)
    again = the(caller, stage, "family_updates")
    assert (again["ends_by"], datetime.fromisoformat(again["valid_until"])) == (None, term)
    assert the(caller, stage, "patient_rights")["valid"] is True


def test_a_form_that_comes_to_its_term_before_the_event_keeps_its_term(house: House, caller: Caller) -> None:
    stage = admitted(caller)
    made = sign(caller, stage, "family_updates", recipients=["the sister"])
    soon = (MOMENT + timedelta(days=2)).isoformat()
    with psycopg.connect(house.postgres.dsn("stepdown"), autocommit=True) as connection:
        connection.execute(
            "UPDATE consent SET expires_at = %s, scope = scope || jsonb_build_object('term_ends_at', %s::text) WHERE id = %s",
            (soon, soon, made),
        )
    discharged(stage)
    kept = the(caller, stage, "family_updates")
    assert (kept["ends_by"], kept["valid_until"]) == (None, soon)


def test_a_condition_ends_it_once_and_nothing_is_renewed(caller: Caller) -> None:
    stage = admitted(caller)
    made = sign(caller, stage, "supervision_updates", recipients=["probation/officer-1"])
    office = {"recipient": "probation/officer-1", "recipient_class": "courts", "purpose": "patient_request"}
    assert allowed(caller, stage, **office)["allowed"]
    way, body = f"/v1/consents/{made}/condition", {"happened_at": AT}
    early = refused(caller, "clinician", way, {"happened_at": (MOMENT - timedelta(days=1)).isoformat()})
    assert "before the consent was signed" in early.body["detail"]
    late = refused(caller, "clinician", way, {"happened_at": (MOMENT + timedelta(days=1)).isoformat()})
    assert late.status == 422
    assert caller.post("clinician", way, body)["status"] == "ended"
    said = allowed(caller, stage, **office)
    assert (said["allowed"], "came about" in said["reasons"][0]) == (False, True)
    assert refused(caller, "clinician", way, body).code == "consent_not_open"
    assert not {k for k in items(caller, stage) if k.startswith("consent_")} & {"consent_expired", "consent_renewal"}
    assert [c["valid"] for c in on_file(caller, stage, "supervision_updates")] == [False]
    tpo = the(caller, stage, "part2_tpo")["id"]
    assert "names no condition" in refused(caller, "clinician", f"/v1/consents/{tpo}/condition", body).body["detail"]


def test_a_form_for_one_plan_speaks_for_that_plan_only(caller: Caller) -> None:
    """E20."""
    stage = started(caller)
    wrong = refused(caller, "clinician", path(stage), signature("payer_release", recipients=["payer/nobody"]))
    assert "payer/meridian" in wrong.body["detail"]
    text = shown(caller, stage, "payer_release", recipient=["payer/meridian"], language="es")
    assert text["paragraphs"][-1]["text"] == "Meridian Health"
    sign(
        caller, stage, "payer_release", recipients=["payer/meridian"], method="electronic", language="es",
        shown_sha256=text["sha256"],
    )  # fmt: skip
    plans = [
        allowed(
            caller, stage, content="authorization_request", purpose="payment", recipient=f"payer/{payer}",
            recipient_class="health_plans",
        )["allowed"]
        for payer in ("meridian", "unity")
    ]  # fmt: skip
    assert plans == [True, False]
    assert the(caller, stage, "payer_release")["payer"]["covered"] is True
    told = allowed(caller, stage, recipient="hospital/mercy_north")
    assert not told["allowed"], "it is for payment"


def test_through_an_exchange_only_to_who_was_named_with_it_and_the_patient_hears_of_its_list(
    house: House, caller: Caller
) -> None:
    """2.31(a)(4)(ii), 2.24."""
    stage = started(caller)
    text = shown(caller, stage, "exchange_release", recipient=["intermediary/lone_star"])
    assert "Travis Community Clinic; Mercy North Hospital" in text["paragraphs"][-1]["text"]
    made = sign(caller, stage, "exchange_release", recipients=["intermediary/lone_star"])
    covers = the(caller, stage, "exchange_release")["covers"]
    assert covers["recipients"] == ["intermediary/lone_star", "provider/travis_clinic", "hospital/mercy_north"]
    assert covers["recipient_classes"] == []
    asks = [
        {"recipient": "hospital/mercy_north", "intermediary": "intermediary/lone_star"},
        {"recipient": "hospital/elsewhere", "intermediary": "intermediary/lone_star"},
        {"recipient": "hospital/mercy_north", "intermediary": "intermediary/hill_country"},
        {"recipient": "hospital/mercy_north"},
    ]
    assert [allowed(caller, stage, **ask)["allowed"] for ask in asks] == [True, False, False, False]
    unknown = {
        "content": "handoff",
        "purpose": "treatment",
        "recipient_class": "treating_providers",
        "recipient": "a/b",
    }
    said = refused(
        caller, "clinician", path(stage, "disclosures/preview"), unknown | {"intermediary": "intermediary/nobody"}
    )
    assert said.status == 422
    body = asks[0] | {
        "content": "handoff", "purpose": "treatment", "recipient_class": "treating_providers", "channel": "portal",
        "disclosed_at": AT, "words": "summary sent",
    }  # fmt: skip
    caller.post("clinician", path(stage, "disclosures"), body)
    person = stage.page()["person_id"]
    through = {"patient": person, "intermediary": "intermediary/lone_star"}
    assert len(caller.get("auditor", "/v1/disclosures", **through)["items"]) == 1
    other = through | {"intermediary": "intermediary/hill_country"}
    assert caller.get("auditor", "/v1/disclosures", **other)["items"] == []
    with httpx2.Client(base_url=house.url, headers=caller._headers("auditor")) as client:
        assert client.get("/v1/disclosures.pdf", params={"patient": person}).status_code == 200
    caller.post("clinician", f"/v1/consents/{made}/revoke", {"received_at": AT, "channel": "letter"})
    told = items(caller, stage)["intermediary_told"]
    assert (told["owner_role"], "intermediary/lone_star" in told["why"]) == ("admissions", True)
    assert not allowed(caller, stage, **asks[0])["allowed"]


def test_an_exchange_without_names_is_for_who_treats_the_patient(caller: Caller) -> None:
    stage = started(caller)
    sign(caller, stage, "exchange_release", recipients=["intermediary/hill_country"])
    ask = {"recipient": "hospital/anybody", "intermediary": "intermediary/hill_country"}
    assert allowed(caller, stage, **ask)["allowed"]
    assert not allowed(caller, stage, **ask, **{"recipient_class": "others"})["allowed"]


def signed_by_guardian(caller: Caller) -> tuple[Stage, str]:
    """An hour ago."""
    stage, before = minor(caller), (MOMENT - timedelta(hours=1)).isoformat()
    guardian = caller.post("admissions", path(stage, "guardians"), GUARDIAN)["id"]
    caller.post("clinician", path(stage), signature(signed_at=before))
    caller.post("clinician", path(stage), signature(signed_by="guardian", guardian_id=guardian, signed_at=before))
    assert on_file(caller, stage)[0]["status"] == "signed"
    return stage, guardian


@pytest.mark.parametrize(
    ("reason", "effect", "status", "covered"),
    [
        ("court_order_ended", "asked_anew", "signed", True), ("revoked", "asked_anew", "signed", True),
        ("replaced", "asked_anew", "signed", True), ("guardian_died", "asked_anew", "signed", True),
        ("never_valid", "void", "voided", False),
    ],
)  # fmt: skip
def test_what_a_guardian_signed_follows_the_reason_their_authority_ended(
    caller: Caller, reason: str, effect: str, status: str, covered: bool
) -> None:
    """domain 3.4: 2.14, 2.15, 2.31(c)."""
    stage, guardian = signed_by_guardian(caller)
    way = path(stage, f"guardians/{guardian}/end")
    answer = caller.post("clinician", way, {"ended_at": AT, "reason": reason})
    old, asked = sorted(on_file(caller, stage), key=lambda c: c["renews"] is not None)
    assert (answer["detail"]["effect"], answer["detail"]["consents"]) == (effect, {old["id"]: effect})
    assert (old["status"], old["payer"]["covered"], asked["status"], asked["renews"]) == (
        status, covered, "presented", old["id"],
    )  # fmt: skip
    item = items(caller, stage)["consent_authority"]
    assert (item["owner_role"], datetime.fromisoformat(item["due_at"])) == ("admissions", MOMENT + timedelta(hours=24))
    (kept,) = caller.get("clinician", path(stage, "guardians"))["items"]
    assert (kept["end_reason"], datetime.fromisoformat(kept["ended_at"])) == (reason, MOMENT)
    by_them = signature(signed_by="guardian", guardian_id=guardian)
    assert "authority" in refused(caller, "clinician", path(stage), by_them).body["detail"]
    back = {"received_at": AT, "channel": "letter", "revoked_by": "guardian", "guardian_id": guardian}
    assert refused(caller, "clinician", f"/v1/consents/{old['id']}/revoke", back).status in (409, 422)
    assert refused(caller, "clinician", way, {"ended_at": AT, "reason": reason}).code == "consent_not_open"
    other = caller.post("admissions", path(stage, "guardians"), GUARDIAN | {"document": "doc-18"})["id"]
    caller.post("clinician", path(stage), signature())
    caller.post("clinician", path(stage), signature(signed_by="guardian", guardian_id=other))
    assert "consent_authority" not in items(caller, stage)
    assert [c["payer"]["covered"] for c in on_file(caller, stage) if c["renews"]] == [True]


def test_who_was_made_of_age_signs_alone_from_then_on(caller: Caller) -> None:
    """Emancipated before the birthday: what the guardian signed ends, and the patient needs nobody (domain 3.4)."""
    stage, guardian = signed_by_guardian(caller)
    assert shown(caller, stage)["parties_required"] == ["patient", "guardian"]
    caller.post("clinician", path(stage, f"guardians/{guardian}/end"), {"ended_at": AT, "reason": "emancipated"})
    old, asked = sorted(on_file(caller, stage), key=lambda c: c["renews"] is not None)
    assert (old["status"], old["payer"]["covered"], asked["status"]) == ("expired", False, "presented")
    assert "ended with the authority" in old["payer"]["why"][0]
    text = shown(caller, stage)
    assert (text["parties_required"], text["majority_at"]) == (["patient"], None)
    other = caller.post("admissions", path(stage, "guardians"), GUARDIAN | {"document": "doc-19"})["id"]
    by_other = signature(signed_by="guardian", guardian_id=other)
    assert "of age" in refused(caller, "clinician", path(stage), by_other).body["detail"]
    caller.post("clinician", path(stage), signature())
    assert "consent_authority" not in items(caller, stage)
    assert [c["payer"]["covered"] for c in on_file(caller, stage) if c["renews"]] == [True]


def test_an_end_before_the_signature_voids_it_and_what_left_is_looked_at(caller: Caller) -> None:
    stage, guardian = signed_by_guardian(caller)
    told = {
        "content": "handoff", "purpose": "treatment", "recipient": "provider/next", "recipient_class": "treating_providers",
        "channel": "telephone", "disclosed_at": AT, "words": "summary",
    }  # fmt: skip
    caller.post("clinician", path(stage, "disclosures"), told)
    earlier = (MOMENT - timedelta(hours=2)).isoformat()
    answer = caller.post(
        "clinician", path(stage, f"guardians/{guardian}/end"), {"ended_at": earlier, "reason": "court_order_ended"}
    )
    assert list(answer["detail"]["consents"].values()) == ["void"]
    review = items(caller, stage)["privacy_review"]
    assert (review["owner_role"], review["rule"]) == ("director", "42 CFR 2.31(c)")


def test_an_end_that_cannot_be_is_refused(caller: Caller) -> None:
    stage, guardian = signed_by_guardian(caller)
    way = path(stage, f"guardians/{guardian}/end")
    ahead = {"ended_at": (MOMENT + timedelta(days=1)).isoformat(), "reason": "revoked"}
    assert refused(caller, "clinician", way, ahead).status == 422
    before = {"ended_at": "2009-01-01T00:00:00+00:00", "reason": "revoked"}
    assert "before it began" in refused(caller, "clinician", way, before).body["detail"]
    grown = refused(caller, "clinician", way, {"ended_at": AT, "reason": "majority"})
    assert "give emancipated" in grown.body["detail"]
    nobody = path(stage, "guardians/00000000-0000-0000-0000-000000000001/end")
    assert refused(caller, "clinician", nobody, {"ended_at": AT, "reason": "revoked"}).status == 404
    assert refused(caller, "biller", way, {"ended_at": AT, "reason": "revoked"}).status == 403
    other = minor(caller)
    elsewhere = path(other, f"guardians/{guardian}/end")
    assert refused(caller, "clinician", elsewhere, {"ended_at": AT, "reason": "revoked"}).status == 404
    assert on_file(caller, stage)[0]["status"] == "signed"


def test_half_a_signature_of_somebody_who_never_might_is_none(caller: Caller) -> None:
    stage = minor(caller)
    guardian = caller.post("admissions", path(stage, "guardians"), GUARDIAN)["id"]
    caller.post("clinician", path(stage), signature(signed_by="guardian", guardian_id=guardian))
    caller.post("clinician", path(stage, f"guardians/{guardian}/end"), {"ended_at": AT, "reason": "never_valid"})
    (half,) = on_file(caller, stage)
    assert (half["status"], half["signatures"]) == ("presented", [])
    caller.post("clinician", path(stage), signature())
    assert not on_file(caller, stage)[0]["payer"]["covered"]
