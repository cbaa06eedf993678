//! Labels of enums: their names in metrics, logs, the store and output.
//!
//! What belongs here: one way to get at them. What doesn't: the labels, which `strum` derives from the
//! names of the variants.

/// An enum whose variants have labels, by `strum::IntoStaticStr`.
pub trait Labelled {
    /// Returns the label.
    fn label(&self) -> &'static str;
}

impl<T> Labelled for T
where
    for<'a> &'a T: Into<&'static str>,
{
    fn label(&self) -> &'static str {
        self.into()
    }
}
