"""Words that stand nowhere else in the project: who somebody is, and what people say about them."""

from datetime import date
from typing import Final

from local.leak_search import of_date

BIRTH: Final = date(1953, 11, 29)
IDENTITY: Final[dict[str, str]] = {
    "family": "Zyxquomark", "family_denied": "Brelvanqot", "given": "Vexlorint", "preferred": "Pummelquix",
    "street": "77411 Quenderlane", "city": "Drozzelburg", "postal": "98715-4477", "telephone": "312-555-0193-77",
    "member": "MBZQX77410", "member_denied": "MBZQX77421D",
}  # fmt: skip
WORDS: Final[dict[str, str]] = {
    name: f"wurblix-{name}-kelvanor"
    for name in (
        "alert", "rationale", "denial", "leave", "item", "peer", "appeal", "cancellation", "document", "told", "payer",
        "discard", "password", "refused", "fault", "discharge", "signature",
        "glass", "charge", "claim", "group", "key", "code", "state", "onward", "reason", "secret",
    )
}  # fmt: skip
"""Free text: each field has a word of its own, so that a finding says which field it came from."""

PEOPLE: Final[dict[str, str]] = {**IDENTITY, **{f"birth_date_{n}": form for n, form in enumerate(of_date(BIRTH))}}
