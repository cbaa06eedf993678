//! The targets, and what was measured of each: the last lines of a run.

/// Something to reach.
pub struct Target {
    what: &'static str,
    bound: Bound,
    measured: Option<f64>,
}

/// The distance of a figure from its target.
#[derive(Clone, Copy)]
pub enum Bound {
    /// This much or more.
    AtLeast(f64),
    /// This much or less.
    AtMost(f64),
}

impl Target {
    /// Returns a target; nothing was measured of it if the run left that out.
    pub fn new(what: &'static str, bound: Bound, measured: Option<f64>) -> Self {
        Self { what, bound, measured }
    }
}

/// Prints all that the parts of this run have.
pub fn print(targets: &[Target], is_quiet: bool) {
    println!("\n## targets\n\n| target | bound | measured | |\n|---|---|---|---|");
    for Target { what, bound, measured } in targets {
        let (bound, is_reached) = match *bound {
            Bound::AtLeast(least) => {
                (format!("at least {least}"), measured.map(|measured| measured >= least))
            }
            Bound::AtMost(most) => {
                (format!("at most {most}"), measured.map(|measured| measured <= most))
            }
        };
        let verdict = match is_reached {
            Some(true) => "reached",
            Some(false) => "NOT REACHED",
            None => "not measured",
        };
        let measured = measured.map_or(String::new(), |measured| format!("{measured:.2}"));
        println!("| {what} | {bound} | {measured} | {verdict} |");
    }
    if !is_quiet {
        println!("\nDON'T QUOTE: something else was at work on this machine before the start.");
    }
}
