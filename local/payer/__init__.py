"""A payer that answers 278s over HTTP, in its own process with its own book.

What it does is written at the end of the member id, behind its last digits (four at least), so that a demonstration or
a test says what it wants (`MB900000001F7`): letters, each with a number or without. `P24D` pends a day and denies.

| ending | outcome |
|---|---|
| none or `A` | approves what was asked (A1) |
| `F7` | approves 7 units at most (A2, the line A6) |
| `L` | approves a lower level instead (A2, the line A6 with other codes) |
| `D` | denies: level of care not appropriate (A3, 0G), with a tracking id (REF NT) |
| `N` | no authorization needed (NA) |
| `C` | wants a call (CT) |
| `V` | voids of its own accord (C, 07) |
| `X` | does not know the member (AAA 75 C) |
| `X1` to `X8` | an AAA with follow-up C N P R S W X Y in this order |
| `R` | its gateway rejects the syntax (999) |
| `R1` | rejects the first time and takes the same trace when it comes again; `R2` the second time too |

Several outcomes follow one another a day apart and contradict each other: `AD`, `AV`, `DA`.

| before it | on the way |
|---|---|
| `P24` | pends first; the outcome is delivered after 24 hours (24 when no number is given) |
| `I48` | pends, wants documents by then (HI LOI, MSG ... BY yyyymmdd hhmm UTC); they bring the outcome, else A3 0P (48) |
| `J` | pends, asks for documents, and says nothing until they come |
| `M2` | the call gets a 999 only; everything is said two hours later than it would be (1) |
| `O` | out of order: a 999 in the call, the outcome first, and an hour later the pend it overtook |
| `T` | never answers the first call, although it keeps the case; asking again with the same trace gets the answer |
| `T2` | the same, and the answer is delivered after 2 hours |
| `S5` | answers every call after 5 seconds of the wall (5) |
| `W` | answers, and answers again ten minutes later: the same bytes; `W2`: the same content in other bytes |
| `E1`, `E2` | the first call fails with 503: before anything is taken, or after |
| `B1` to `B6` | the first answer is garbage, truncated, of other IEA02, trace, version, cut off; asked again it is whole |
| `K` | keeps answering a request that was cancelled |
| `Q` | takes over an authorization number that this book does not know, instead of AAA AA |
| `H`, `G` | rules on appeals: held, granted, a letter a level (`DHG`), the last for all others; `H24`: in 24 hours |

**In full.** `POST /script` says the same and more, for what tests need and members should not spell:
`{"member_suffix": "0042", "nth": 2, "script": {"steps": [{"say": "pend"}, {"say": "approve", "after_hours": 30}]}}`.
A rule names a `member_suffix`, a `trace` or the `nth` new request (of the member when both are said), for a `payer` and
a `kind` if it likes; the newest that fits wins over the suffix. Every field stands in `script.py`: `say`, delay, damage,
AAA codes, documents; and of the script its fault, slowness, refusals, appeals. A first step without delay answers the
call, all others are delivered; with no such step the call gets a 999. `GET /script` shows the rules, `DELETE` forgets
them. A trace keeps the script it was first seen with.

**Follow-ups.** The same trace always gets the same answer, never a second case. An extension (UM02 4) names its case
by REF BB and keeps its number; an unknown number is AAA AA. A cancellation (UM02 3) is answered C, ends every
request of the case, and nothing more is said about them. An appeal (UM02 1, 2, N) names the denied case by its
number or tracking id, or is about the member's latest denial: expedited ones (1) are answered at once, standard ones
(2) after 30 days, reconsiderations (N) after three. Revised requests (UM02 S) and extensions with a PWK bring the
documents a case waits for.

**Notices and inquiries.** A notice of admission or discharge (X216) gets a receipt and brings the documents a case
waits for; one that comes more than two days late is denied (A3, 17) for a member with `D` and rejected for one with
`X`. An inquiry (X215) is told what stands in the book, or AAA AA when nothing does; `--no-inquiry` refuses the kind
with a 999. Rules of `kind` `notification` and `inquiry` say otherwise.

**FHIR.** `/fhir/{payer}/Claim/$submit` and `Claim/$inquire` speak Da Vinci PAS about the same cases in the same book, by
the same letters: `R` is 422 with an OperationOutcome, `X` a ClaimResponse.error, `M` a pend in the call and the rest by
notification, `W` the same ClaimResponse again as another event, `O` a pend that was overtaken. `/fhir/{payer}/Subscription`
says where notifications go (rest-hook, full resource); until somebody subscribes they go to
`{deliver-to}/fhir/payers/{payer}/notifications`.

**Failing.** `POST /control/down` and `/control/up` switch it off and on; `{"begins": ..., "ends": ...}` to `/control/down`
is a window of business time. With `--control-port` the X12 port is shut meanwhile and callers are refused; without,
they get 503. What is due then is delivered when it is up again. `--together`: answers due at one moment leave in one
file. Broken envelopes get a TA1, broken transactions a 999 with the places.

**The book.** Late answers go to `{deliver-to}/v1/payers/{payer}/x12` with a bearer token and are tried until they are
taken. The book is SQLite: a file is taken whole or not at all, and a restart forgets nothing. `GET /book` (cases with
what waits), `GET /book/cases` (what was decided), `GET /book/messages` (both directions: digests, control numbers,
traces, what left when), `GET /book/due`, `POST /book/advance` (driven drive), `GET /healthz`. None of them shows a
person.

Delays are business time in driven drive, except slowness and silence: a caller's time-out runs on the wall.
It speaks only X12, FHIR and OAuth to the outside and never reads our database."""
