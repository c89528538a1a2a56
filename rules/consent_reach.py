"""Whether a consent on file reaches the program somebody moves to (domain 3.4: a change of level within a program goes on
with it, a new legal entity or NPI is asked anew).

A scope's programs are read as the gate reads them (`ConsentOnFile.programs`): a plan that says "every consent covers" where the
gate then refuses would leave the request waiting with nobody asked to sign."""

from definitions.facility import Facility, Program
from definitions.plan_facts import ConsentFact, PlanFacts, Wish
from rules.plan_blockers import standing_consents


def reach_problem(consent: ConsentFact, facility: Facility, program: Program) -> str | None:
    """Why it does not reach the program, as the end of a sentence; None: it does. A consent that names no program names the
    facility, a class of disclosers that holds all its programs (42 CFR 2.31(a)(2))."""
    if consent.programs and program.key not in consent.programs:
        return f"is for {', '.join(consent.programs)}, not for {program.key}"
    if consent.program is None or consent.program == program.key:
        return None
    named = facility.program(consent.program)
    if named is None:
        return f"was signed for {consent.program}, which is no program of {facility.key}"
    if named.legal_entity != program.legal_entity:
        return f"was signed for {named.legal_entity}; {program.key} belongs to {program.legal_entity}"
    if named.npi != program.npi:
        return f"was signed for {named.key} (NPI {named.npi}); {program.key} has NPI {program.npi}"
    return None


def reaching_consent(
    facts: PlanFacts, form: str, wish: Wish, program: Program
) -> tuple[ConsentFact | None, str | None]:
    """The newest valid consent of this form that reaches the program; else the newest valid one, with why it does not."""
    valid = standing_consents(facts, form, wish)
    for consent in valid:
        if reach_problem(consent, facts.facility, program) is None:
            return consent, None
    if not valid:
        return None, None
    return valid[0], reach_problem(valid[0], facts.facility, program)
