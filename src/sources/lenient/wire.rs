//! Structs of what GrowSurf sends, whose fields are lenient by their types.

/// Declares structs of what GrowSurf sends. Each field is lenient by its type; one that must be read in another way
/// says so (`skip_apply`, `serde_as`).
macro_rules! wire {
    ($(#[$meta:meta])* $visibility:vis struct $name:ident $(<$lifetime:lifetime>)? { $($fields:tt)* }) => {
        #[serde_with::apply(
            Option<&'a str> => #[serde_as(as = "crate::sources::lenient::Text")],
            Option<String> => #[serde_as(as = "crate::sources::lenient::Id")],
            Option<bool> => #[serde_as(as = "crate::sources::lenient::Flag")],
            Option<Time> => #[serde_as(as = "crate::sources::lenient::Millis")],
            Field<Time> => #[serde_as(as = "crate::sources::lenient::Legible<crate::sources::lenient::Millis>")],
            Field<bool> => #[serde_as(as = "crate::sources::lenient::Legible<crate::sources::lenient::Flag>")],
            Field<&'a str> => #[serde_as(as = "crate::sources::lenient::Legible<crate::sources::lenient::Text>")],
            Attributes => #[serde_as(as = "crate::sources::lenient::Metadata")],
            Vec<&'a str> => #[serde_as(as = "crate::sources::lenient::Texts")],
            Option<Scalar> => #[serde_as(as = "crate::sources::lenient::Numeric")],
            Option<i64> => #[serde_as(as = "crate::sources::lenient::Whole")],
            Option<Box<Self>> => #[serde_as(as = "crate::sources::lenient::Filled")],
            Option<Box<Participant<'a>>> => #[serde_as(as = "crate::sources::lenient::Filled")],
            Option<Participant<'a>> => #[serde_as(as = "crate::sources::lenient::Filled")],
            Option<Reward<'a>> => #[serde_as(as = "crate::sources::lenient::Object")],
            Option<Commission<'a>> => #[serde_as(as = "crate::sources::lenient::Object")],
            Option<Adjustment<'a>> => #[serde_as(as = "crate::sources::lenient::Object")],
            Option<Payout<'a>> => #[serde_as(as = "crate::sources::lenient::Object")],
            Option<Worth> => #[serde_as(as = "crate::sources::lenient::Object")],
            Option<Rewards<'a>> => #[serde_as(as = "crate::sources::lenient::Object")],
            Option<Place<'a>> => #[serde_as(as = "crate::sources::lenient::Object")],
            Option<Vec<Reward<'a>>> => #[serde_as(as = "crate::sources::lenient::Objects")],
            Option<Vec<Participant<'a>>> => #[serde_as(as = "crate::sources::lenient::Objects")],
        )]
        #[serde_with::serde_as]
        #[derive(Debug, Default, serde::Deserialize)]
        #[serde(default, rename_all = "camelCase")]
        $(#[$meta])*
        $visibility struct $name $(<$lifetime>)? { $($fields)* }
    };
}

pub(crate) use wire;
