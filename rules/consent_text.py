"""A consent as it is put before somebody: one text, one hash. Pure; the same values give the same text (domain 3.2, 3.8)."""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from unicodedata import combining, normalize

from definitions.base import WireModel
from definitions.consent_wording import ConsentElement, ConsentWording
from definitions.facility import Facility

LABELS: dict[str, dict[str, str]] = {
    "en": {
        "patient_name": "Patient", "program": "Program", "discloser": "Who may share", "information": "What may be shared",
        "recipients": "With whom", "named": "Named recipients", "intermediary": "Through an intermediary",
        "purpose": "What for", "redisclosure_statement": "Sharing again", "redisclosure_risk": "What sharing again means",
        "right_to_revoke": "Taking it back", "expiration": "How long it holds", "refusal_consequences": "If I do not sign",
    },
    "es": {
        "patient_name": "Paciente", "program": "Programa", "discloser": "Quién puede compartir",
        "information": "Qué se puede compartir", "recipients": "Con quién", "named": "Destinatarios nombrados",
        "intermediary": "Por un intermediario", "purpose": "Para qué", "redisclosure_statement": "Compartir de nuevo",
        "redisclosure_risk": "Qué significa compartir de nuevo", "right_to_revoke": "Retirarlo",
        "expiration": "Cuánto vale", "refusal_consequences": "Si no firmo",
    },
}  # fmt: skip
"""Headings by language; a language without any uses the English ones."""
CONFIRMED: dict[str, str] = {
    "en": "I have read this text, or it was read to me, and I sign it.",
    "es": "He leído este texto, o me lo leyeron, y lo firmo.",
}
"""What whoever signs ticks, in the language of the text where there is one."""
ORDER = (
    ConsentElement.DISCLOSER, ConsentElement.INFORMATION, ConsentElement.RECIPIENTS, ConsentElement.INTERMEDIARY,
    ConsentElement.PURPOSE, ConsentElement.REDISCLOSURE_STATEMENT, ConsentElement.REDISCLOSURE_RISK,
    ConsentElement.RIGHT_TO_REVOKE, ConsentElement.EXPIRATION, ConsentElement.REFUSAL_CONSEQUENCES,
)  # fmt: skip


class Paragraph(WireModel):
    heading: str
    text: str


class ShownForm(WireModel):
    """Exactly what was shown. Holds the patient's name: sealed wherever it is kept."""

    form: str
    edition: str
    version: str
    language: str
    title: str
    text: str
    paragraphs: tuple[Paragraph, ...]

    @property
    def canonical(self) -> str:
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    @property
    def sha256(self) -> str:
        return sha256(self.canonical.encode()).hexdigest()

    def __repr__(self) -> str:
        return "ShownForm(***)"

    __str__ = __repr__


def shown_form(
    wording: ConsentWording, *, edition: str, patient: str, place: str, recipients: Sequence[str]
) -> ShownForm:
    """`place`: the facility or program in words; `recipients` as they are named on it, in the order given."""
    labels = LABELS.get(wording.language, LABELS["en"])
    said = [(labels["patient_name"], patient), (labels["program"], place)]
    said += [(labels[e.value], str(getattr(wording, e.value))) for e in ORDER if getattr(wording, e.value)]
    if recipients:
        said.append((labels["named"], ", ".join(recipients)))
    return ShownForm(
        form=wording.form, edition=edition, version=wording.version, language=wording.language, title=wording.title,
        text=wording.text, paragraphs=tuple(Paragraph(heading=h, text=t) for h, t in said),
    )  # fmt: skip


def recipients_in_words(recipients: Sequence[str], facility: Facility, payers: Mapping[str, str]) -> tuple[str, ...]:
    """Recipients that are named by key, as the text names them: a payer by its name, an intermediary with its participants
    (2.31(a)(4)). `payers`: names by key. Words stay as they are."""
    found = []
    for recipient in recipients:
        through = facility.intermediary(recipient)
        if through is not None:
            members = "; ".join(p.name for p in through.participants)
            found.append(f"{through.name}: {members}" if members else through.name)
        else:
            kind, _, key = recipient.partition("/")
            found.append(payers.get(key, recipient) if kind == "payer" else recipient)
    return tuple(found)


def place_of(facility: Facility, program: str | None) -> str:
    """Who it is that treats, as forms name it: the program's legal entity where one is meant, else the facility."""
    found = facility.program(program) if program is not None else None
    where = f"{facility.name}, {facility.street}, {facility.city}, {facility.state} {facility.postal_code}"
    return f"{found.name} ({found.legal_entity}), {where}" if found is not None else where


def parts_of(shown: ShownForm) -> dict[str, str]:
    """Each part of a text by its heading, as a short hash: enough to say later what is another one, and nothing to read."""
    said = {"": f"{shown.title}\n{shown.text}", **{p.heading: p.text for p in shown.paragraphs}}
    return {heading: sha256(text.encode()).hexdigest()[:16] for heading, text in said.items()}


def what_changed(before: Mapping[str, str], shown: ShownForm) -> tuple[str, ...]:
    """Headings whose text is not the one that was shown, in the order of the text; "" is the title with its first
    sentence. What is gone comes last."""
    now = parts_of(shown)
    return (*(h for h, part in now.items() if before.get(h) != part), *(h for h in before if h not in now))


def written_alike(typed: str, name: str) -> bool:
    """Whether a name was typed as it stands in the text: case, accents and spaces aside, nothing else."""
    return bool(_plain(name)) and _plain(typed) == _plain(name)


def _plain(name: str) -> str:
    bare = "".join(c for c in normalize("NFKD", name) if not combining(c))
    return " ".join(bare.casefold().replace("’", "'").split())
