//! A progress bar for commands that go through many rows.

use std::fmt;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

/// Creates a bar with rate and remaining time on a terminal; hidden elsewhere.
pub fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    let template = "{msg:<22} {wide_bar} {human_pos}/{human_len}, {rate}, {eta} left";
    let style = ProgressStyle::with_template(template).expect("a template that is well formed");
    bar.set_style(style.with_key("rate", |state: &ProgressState, out: &mut dyn fmt::Write| {
        let _only_drawn = write!(out, "{:.0} a second", state.per_sec());
    }));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
