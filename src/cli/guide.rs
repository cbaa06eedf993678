//! `referral-relay guide`: the pages of the guide.

use std::process::ExitCode;

use clap::builder::PossibleValuesParser;

use super::output::Output;
use crate::docs::TOPICS;

/// Arguments of `guide`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The topic; without one, the list of topics is printed.
    #[arg(value_parser = PossibleValuesParser::new(TOPICS.iter().map(|it| it.name)))]
    topic: Option<String>,
}

/// Prints the page of a topic, or the list of topics.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut output = Output::default();
    match TOPICS.iter().find(|it| args.topic.as_deref() == Some(it.name)) {
        Some(topic) => output.document(without_links(topic.page)),
        None => {
            for topic in TOPICS {
                output.line(format!("{:<14} {}", topic.name, topic.title()));
            }
            output.blank();
            output.line("Print a page with `referral-relay guide TOPIC`. A word in [brackets] in it is a topic.");
        }
    }
    output.print()?;
    Ok(ExitCode::SUCCESS)
}

/// Returns a page without the definitions of its links, which stand at its end.
fn without_links(page: &str) -> &str {
    page.find("\n\n[").map_or(page, |end| &page[..end]).trim_end()
}
