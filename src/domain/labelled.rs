//! Labels of enums in metrics, logs, the store and output. `strum` derives them from the variants' names.

/// An enum whose variants have labels, by `strum::IntoStaticStr`.
pub trait Labelled {
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
