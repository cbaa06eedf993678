//! Lanes: what is asked about one, and what makes it more urgent.

use crate::domain::{Class, Identifier};
use crate::store::record;
use crate::store::rows::Changes;
use crate::store::unit::{Unit, Work};

use super::append::raise;

/// See [`Fetching::has_pending`](crate::store::Fetching::has_pending).
pub(in crate::store) struct HasPending(pub(in crate::store) Identifier);

impl Work for HasPending {
    type Output = bool;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<bool, U::Fault> {
        unit.has_pending(&record::column(&self.0)).await
    }
}

/// See [`Fetching::raise`](crate::store::Fetching::raise).
pub(in crate::store) struct Raise {
    pub(in crate::store) visitor: Identifier,
    pub(in crate::store) class: Class,
}

impl Work for Raise {
    type Output = ();

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<(), U::Fault> {
        let raised = vec![raise(&self.visitor, self.class)];
        unit.write(Changes { raised, ..Changes::default() }).await
    }
}
