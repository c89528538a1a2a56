"""Da Vinci PAS: the 278's values as FHIR R4 bundles, both ways (domain 4.6). Every address and code comes from the guide's
data; what has no place there is refused when writing and named when reading, never dropped in silence."""
