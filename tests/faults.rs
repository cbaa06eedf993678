//! The fault matrix: each thing that can go wrong around the relay, and what must hold all the same.
//!
//! What belongs here: one named test for each fault, against the built binary, which ends by asking
//! for the promises (`promises`). What doesn't: its own death (`crash`).
//!
//! | where | faults |
//! |---|---|
//! | `answers` | 500, 503, a timeout before and after the effect, half a response, a lost answer, 429 with seconds and a date, 302, the wrong region, 401 and 403 then fixed |
//! | `refusals` | 200 with an error body, 207 with one bad item, 400, a poison call at a lane's head |
//! | `outages` | a connection reset or refused, a body that drips, DNS failure, down for long |
//! | `storage` | the disk full, the file read-only, taken away, locked or its log damaged, a store that fails for three seconds |
//! | `clocks` | 429 with an hour, a clock that jumps back an hour, a lease that expires during a slow request, a loop that stalls, Customer.io down for longer than every backoff |
//! | `endings` | SIGTERM while webhooks come, during a batch, with a destination that hangs |

mod answers;
mod clocks;
mod endings;
mod outages;
mod refusals;
mod storage;
