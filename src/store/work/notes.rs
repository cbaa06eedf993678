//! Notes: read and revised.

use crate::store::KvUpdate;
use crate::store::rows::Changes;
use crate::store::unit::{Unit, Work};

/// See [`Store::kv_get`](crate::store::Store::kv_get).
pub(in crate::store) struct ReadNote(pub(in crate::store) String);

impl Work for ReadNote {
    type Output = Option<String>;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Option<String>, U::Fault> {
        unit.note(&self.0).await
    }
}

/// See [`Store::kv_update`](crate::store::Store::kv_update).
pub(in crate::store) struct UpdateNote {
    pub(in crate::store) name: String,
    pub(in crate::store) revise: KvUpdate,
}

impl Work for UpdateNote {
    type Output = String;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<String, U::Fault> {
        let text = (self.revise)(unit.hold_note(&self.name).await?.as_deref());
        let notes = vec![(self.name.clone(), text.clone())];
        unit.write(Changes { notes, ..Changes::default() }).await?;
        Ok(text)
    }
}
