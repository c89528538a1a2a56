"""Da Vinci PAS as data: the addresses and codes of one published guide (domain 4.6).

Looked up by the day a message is written, like everything payers' houses agree on (D12): no code of ours names a code set."""

from datetime import date

from definitions.base import Definition


class PasGuide(Definition):
    """`profiles`, `extensions` and `systems` are canonical addresses by our own short names; `codes` translate what X12 says
    in one code into what FHIR says in another, table by table."""

    key: str
    version: str
    effective_from: date
    profiles: dict[str, str]
    extensions: dict[str, str]
    systems: dict[str, str]
    codes: dict[str, dict[str, str]]

    @property
    def name(self) -> str:
        """As it stands on a kept message: which grammar its bytes follow."""
        return f"{self.key}-{self.version}"
