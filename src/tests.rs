//! Several parts together in one process, where a test from outside can't reach.
//!
//! What belongs here: tests that need the parts' own seams, such as each statement of the store.
//! What doesn't: what the built binary shows from outside (`tests/`), and tests of one part, which
//! are beside it.

mod crash_points;
