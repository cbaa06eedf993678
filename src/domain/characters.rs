//! What texts hold, as regular expressions, for the document of the interface.
//!
//! What belongs here: insides of character classes, spelt out because dialects of regular expressions
//! disagree about the short forms. What doesn't: reading; the schemas' tests see that both agree.

/// White space, which doesn't matter around a text.
pub const SPACE: &str =
    r"\u0009-\u000d\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000";

/// Control characters.
pub const CONTROL: &str = r"\u0000-\u001f\u007f-\u009f";

/// What stands nowhere in an e-mail address but, once, its `@`.
pub const NOT_OF_ADDRESS: &str = r#"\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200d\u2028\u2029\u202f\u205f\u2060\u3000\ufeff@<>()\[\],;:"\\"#;
