"""A payer that answers 005010X217 over HTTP, in its own process with its own book.

What it decides is written at the end of the member id, behind its last digits, so that a demonstration or a test says
what it wants (`MB900000001F7`). One outcome, and before it what happens on the way; `P24D` pends a day and denies.

| ending | outcome |
|---|---|
| none or `A` | approves what was asked (A1) |
| `F7` | approves 7 units at most (A2, the line A6) |
| `L` | approves a lower level instead (A2, the line A6 with other codes) |
| `D` | denies: level of care not appropriate (A3, 0G) |
| `N` | no authorization needed (NA) |
| `C` | wants a call (CT) |
| `X` | does not know the member (AAA 75) |
| `R` | its gateway rejects the syntax (999) |

| before it | on the way |
|---|---|
| `P24` | pends first; the outcome is delivered after 24 hours (24 when no number is given) |
| `T` | never answers the first call, although it keeps the case; asking again with the same trace gets the answer |
| `T2` | the same, and the answer is delivered after 2 hours |
| `W` | answers, and answers again ten minutes later |

The same trace always gets the same answer, never a second case. An extension (UM02 4) names its case by REF BB and
keeps its number; a cancellation (UM02 3) is answered C. A number this book does not know is taken over as it is.

Broken envelopes get a TA1, broken transactions a 999 with the places. Late answers go to
`{deliver-to}/v1/payers/{payer}/x12` with a bearer token, and are tried until they are taken; the book is SQLite, so a
restart forgets nothing. Routes beside `POST /x12/{payer}`: `GET /book`, `GET /book/due`, `POST /book/advance`
(driven drive), `GET /healthz`.

It speaks only X12 and OAuth to the outside and never reads our database."""
