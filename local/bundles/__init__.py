"""Synthetic referral bundles: FHIR R4, invented people, one seed, the same bytes every time."""
