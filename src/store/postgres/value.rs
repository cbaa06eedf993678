//! Values: parameters of statements with their Postgres types, and columns read back.
//!
//! What belongs here: which type a Rust value is sent as. Statements go with the types of their
//! parameters and without a name, so that one takes one round trip and a pooler that gives every
//! transaction another connection has nothing to lose. What doesn't: statements.

use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

/// A value that a statement can be given.
pub(super) trait Value: Sync {
    /// What Postgres calls its type.
    fn kind(&self) -> Type;
    /// The value itself.
    fn sql(&self) -> &(dyn ToSql + Sync);
}

macro_rules! values {
    ($($rust:ty => $one:ident, $many:ident);+ $(;)?) => {
        $(
            impl Value for $rust {
                fn kind(&self) -> Type {
                    Type::$one
                }
                fn sql(&self) -> &(dyn ToSql + Sync) {
                    self
                }
            }

            impl Value for Option<$rust> {
                fn kind(&self) -> Type {
                    Type::$one
                }
                fn sql(&self) -> &(dyn ToSql + Sync) {
                    self
                }
            }

            impl Value for Vec<$rust> {
                fn kind(&self) -> Type {
                    Type::$many
                }
                fn sql(&self) -> &(dyn ToSql + Sync) {
                    self
                }
            }

            impl Value for Vec<Option<$rust>> {
                fn kind(&self) -> Type {
                    Type::$many
                }
                fn sql(&self) -> &(dyn ToSql + Sync) {
                    self
                }
            }
        )+
    };
}

values! {
    bool => BOOL, BOOL_ARRAY;
    i16 => INT2, INT2_ARRAY;
    i32 => INT4, INT4_ARRAY;
    i64 => INT8, INT8_ARRAY;
    String => TEXT, TEXT_ARRAY;
    &str => TEXT, TEXT_ARRAY;
    Vec<u8> => BYTEA, BYTEA_ARRAY;
    &[u8] => BYTEA, BYTEA_ARRAY;
    Uuid => UUID, UUID_ARRAY;
}

/// Text as a column can hold it: Postgres has no NUL in texts, so it becomes U+FFFD, which keeps
/// two texts apart unless one has the one where the other has the other.
pub(super) fn text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// A count as a column holds it.
pub(super) fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
