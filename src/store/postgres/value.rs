//! Values: parameters of statements with their Postgres types, and columns read back.
//!
//! What belongs here: which type a Rust value is sent as. Statements go with the types of their
//! parameters, so that nothing needs to be asked of the server before. What doesn't: statements.

use std::error::Error;
use std::fmt;

use bytes::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use uuid::Uuid;

pub(super) use crate::store::record::text;
pub(super) use crate::store::rows::number;

/// A value that a statement can be given.
pub(super) trait Value: Send + Sync {
    /// Returns its type at Postgres.
    fn kind(&self) -> Type;
    /// Returns the value itself.
    fn sql(&self) -> &(dyn ToSql + Sync);
    /// Returns the number of values in it.
    fn count(&self) -> usize {
        1
    }
}

/// Returns the columns of rows, each as an array.
macro_rules! columns {
    ($rows:expr, $row:ident => $($value:expr),+) => {
        [$(&$rows.iter().map(|$row| $value).collect::<Vec<_>>() as &dyn Value),+]
    };
}

pub(super) use columns;

/// Returns the same for a statement that is sent later.
macro_rules! rows {
    ($rows:expr, $row:ident => $($value:expr),+) => {
        vec![$(boxed($rows.iter().map(|$row| $value).collect::<Vec<_>>())),+]
    };
}

pub(super) use rows;

pub(super) fn boxed<'a>(value: impl Value + 'a) -> Box<dyn Value + 'a> {
    Box::new(value)
}

macro_rules! values {
    ($($rust:ty => $one:ident, $many:ident);+ $(;)?) => {
        $(
            value! { $rust, $one }
            value! { Option<$rust>, $one }
            value! { Vec<$rust>, $many, fn count(&self) -> usize { self.len() } }
            value! { Vec<Option<$rust>>, $many, fn count(&self) -> usize { self.len() } }
        )+
    };
}

macro_rules! value {
    ($rust:ty, $kind:ident $(, $count:item)?) => {
        impl Value for $rust {
            fn kind(&self) -> Type {
                Type::$kind
            }
            fn sql(&self) -> &(dyn ToSql + Sync) {
                self
            }
            $($count)?
        }
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

/// A value that doesn't show itself: what Postgres is given the client would write into a log that
/// asks for everything.
pub(super) struct Redacted<'a>(pub(super) &'a (dyn ToSql + Sync));

impl fmt::Debug for Redacted<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("...")
    }
}

impl ToSql for Redacted<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.0.to_sql_checked(kind, out)
    }

    fn accepts(_kind: &Type) -> bool {
        // What is hidden says so itself.
        true
    }

    to_sql_checked!();
}
