"""Tables only, one file per noun. Importing this package registers every table on `Base.metadata`."""

from storage.models.access import BreakGlass, PersonAccess
from storage.models.assessment import Alert, Assessment, AssessmentDue
from storage.models.authorization import Authorization, AuthorizationDecision, AuthorizationRequest
from storage.models.base import Base
from storage.models.census import CensusLine, CensusPresence, CensusSnapshot
from storage.models.charge import Charge, ChargeException
from storage.models.command import BusinessClock, Command, Outbox
from storage.models.consent import Consent, Guardian
from storage.models.disclosure import Disclosure, DisclosureException, DisclosureOutcome
from storage.models.dispute import AuthorizationClock, AuthorizationDispute, CaseEvidence
from storage.models.document import ClinicalDocument
from storage.models.episode import Absence, BedOccupancy, Episode, Movement, PerDiemAccount, Stay
from storage.models.exchange import ControlNumber, ExchangeFile, ExchangeMessage, PayerCircuit
from storage.models.export import PatientExport
from storage.models.facility import Bed, Facility, FacilityDay, Program
from storage.models.grant import AuthorizationGrant, SingleCaseAgreement
from storage.models.house_key import HouseKey
from storage.models.identity import PersonMerge, PersonMergeRow, PersonPair
from storage.models.misfiling import Misfiling
from storage.models.person import Coverage, Person, PersonToken
from storage.models.retention import LegalHold, RecordDeletion
from storage.models.session import Attendance, Session
from storage.models.sign_in import AppUser, PayerClient, TokenCutOff, WebSession
from storage.models.timeline import AuditEntry, ChainHead, TimelineEntry
from storage.models.transition import Transition
from storage.models.work import Due, OpenItem

__all__ = [
    "Absence", "Alert", "AppUser", "Assessment", "AssessmentDue", "Attendance", "AuditEntry", "Authorization",
    "AuthorizationClock", "AuthorizationDecision", "AuthorizationDispute", "AuthorizationGrant",
    "AuthorizationRequest", "Base", "Bed", "BedOccupancy", "BreakGlass", "BusinessClock", "CaseEvidence", "CensusLine",
    "CensusPresence", "CensusSnapshot", "ChainHead", "Charge", "ChargeException", "ClinicalDocument", "Command", "Consent",
    "ControlNumber",
    "Coverage", "Disclosure", "DisclosureException", "DisclosureOutcome",
    "Due", "Episode", "ExchangeFile", "ExchangeMessage", "Facility",
    "FacilityDay", "Guardian", "HouseKey", "LegalHold", "Misfiling", "Movement", "OpenItem", "Outbox",
    "PatientExport", "PayerCircuit", "PayerClient",
    "PerDiemAccount", "Person", "PersonAccess",
    "PersonMerge", "PersonMergeRow", "PersonPair", "PersonToken",
    "Program", "RecordDeletion", "Session", "SingleCaseAgreement", "Stay", "TimelineEntry", "TokenCutOff", "Transition",
    "WebSession",
]  # fmt: skip
