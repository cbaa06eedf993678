//! The relay from outside.
