"""Names of the code and identifier systems a referral bundle may use."""

from typing import Final

PAYER_SYSTEM: Final = "urn:stepdown:payer"
LEVEL_SYSTEM: Final = "urn:stepdown:level"
FACILITY_SYSTEM: Final = "urn:stepdown:facility"
DOCUMENT_SYSTEM: Final = "urn:stepdown:document-type"
USER_SYSTEM: Final = "urn:stepdown:user"
SCENARIO_SYSTEM: Final = "urn:stepdown:scenario"
ICD10: Final = "http://hl7.org/fhir/sid/icd-10-cm"
ICD10_OID: Final = "urn:oid:2.16.840.1.113883.6.90"
DIAGNOSES: Final = frozenset({ICD10, ICD10_OID})
SOCIAL_SECURITY: Final = frozenset({"http://hl7.org/fhir/sid/us-ssn", "urn:oid:2.16.840.1.113883.4.1"})
MEMBER_NUMBER: Final = "MB"
"""Identifier type `MB` of HL7 table 0203: the number on the insurance card."""
