"""999: whether a transaction could be read at all (domain 6.12, 005010X231A1)."""

from dataclasses import dataclass

from interchange.x12.envelope import Control, Interchange, wrap
from interchange.x12.segments import write

VERSION = "005010X231A1"
ACCEPTED, REJECTED = "A", "R"


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """One transaction's fate: its ST02, accepted or not."""

    transaction: str
    version: str
    accepted: bool


def encode_999(group_control: str, functional_id: str, version: str, sets: list[Acknowledged], control: Control) -> str:
    """The answer to one group. Nothing about a patient stands in a 999."""
    body = [write("AK1", functional_id, group_control, version)]
    for one in sets:
        body.append(write("AK2", "278", one.transaction, one.version))
        body.append(write("IK5", ACCEPTED) if one.accepted else write("IK5", REJECTED, "5"))
    good = sum(one.accepted for one in sets)
    verdict = ACCEPTED if good == len(sets) else (REJECTED if good == 0 else "P")
    body.append(write("AK9", verdict, str(len(sets)), str(len(sets)), str(good)))
    return wrap(body, control, functional_id="FA", version=VERSION, transaction="999")


def rejected_by(interchange: Interchange) -> bool | None:
    """True: the partner could not read what we sent; False: it could; None: this is no 999."""
    verdicts = [
        segment.at(1)
        for group in interchange.groups
        for transaction in group.transactions
        if transaction.kind == "999"
        for segment in transaction.segments
        if segment.tag == "AK9"
    ]
    if not verdicts:
        return None
    return any(v in (REJECTED, "P") for v in verdicts)
