//! Properties of any bytes from outside: one function on bytes for each parser.
//!
//! A target fails by panicking, whether the panic is the parser's or an assertion's here. Targets
//! see the library through its public face and know nothing of who calls them: libFuzzer, which
//! looks for new ways through the code (`bin/`), or the stable toolchain's tests (`main.rs`).

mod answer;
mod contracts;
mod forwarded;
mod memory;
mod page;
mod restored;
mod row;
mod settings;
mod signature;
mod webhook;

pub use answer::answer;
pub use contracts::contracts;
pub use forwarded::forwarded;
pub use page::page;
pub use restored::restored;
pub use row::row;
pub use settings::settings;
pub use signature::signature;
pub use webhook::webhook;
