"""A payer that answers 005010X217 over HTTP, in its own process with its own book.

What it decides is written at the end of the member id, so a demonstration or a test says what it wants:

| ending | answer |
|---|---|
| none or `A` | approves what was asked |
| `F7` | approves 7 units |
| `L` | approves a lower level instead (A6) |
| `P24` | pends, then approves after 24 hours |
| `D` | denies: level of care not appropriate |
| `T` | never answers the call, although it keeps the case |
| `W` | answers, and answers again a little later |
| `X` | does not know the member |

It speaks only X12 and OAuth to the outside and never reads our database."""
