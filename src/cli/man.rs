//! `referral-relay man`: the manual, made of the same words as the help.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Command;
use clap_mangen::Man;

use super::output::Output;

/// The sections that every page ends with.
const ENDING: &str = r".SH ENVIRONMENT
.TP
\fBRELAY__SECTION__KEY\fR
Any setting, such as \fBRELAY__STORE__URL\fR for \fBstore.url\fR.
.TP
\fBRELAY__SECTION__KEY_FILE\fR
A file that holds the value of a secret.
.TP
\fBCIO_SITE_ID\fR, \fBCIO_API_KEY\fR
The credentials of Customer.io.
.SH FILES
.TP
\fIconfig/relay.toml\fR
The settings, unless \fB\-\-config\fR names another file. \fIconfig/default.toml\fR documents every key.
.TP
\fIdata/relay.db\fR
The store, unless \fBstore.url\fR names another.
.SH EXIT STATUS
.TP
.B 0
Done.
.TP
.B 1
Failed, nothing found, or no relay is running.
.TP
.B 64
The arguments or the settings are refused.
";

/// Arguments of `man`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Write the page of every command into this folder, which is made if it isn't there, instead
    /// of printing the first page.
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// Prints the first page, or writes all of them.
pub fn run(args: Args, command: Command) -> anyhow::Result<ExitCode> {
    let mut output = Output::default();
    // Else the pages would show `help` as one more command.
    let mut command = command.disable_help_subcommand(true);
    command.build();
    if let Some(folder) = args.folder {
        let context = || format!("can't write the manual into {}", folder.display());
        std::fs::create_dir_all(&folder).with_context(context)?;
        write_all(&command, &[], &folder).with_context(context)?;
        output.line(format!("The manual is in {}; start with referral-relay.1.", folder.display()));
    } else {
        let mut roff = Vec::new();
        render(&command, &[], &mut roff)?;
        output.document(String::from_utf8_lossy(&roff).trim_end());
    }
    output.print()?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the pages of a command and of those below it. `above` are the examples of the command above.
fn write_all(command: &Command, above: &[String], folder: &Path) -> io::Result<()> {
    let mut roff = Vec::new();
    render(command, above, &mut roff)?;
    std::fs::write(folder.join(Man::new(command.clone()).get_filename()), roff)?;
    let examples = examples(command, above);
    for below in command.get_subcommands().filter(|it| !it.is_hide_set()) {
        write_all(below, &examples, folder)?;
    }
    Ok(())
}

fn render(command: &Command, above: &[String], roff: &mut Vec<u8>) -> io::Result<()> {
    let man = Man::new(command.clone());
    man.render_title(roff)?;
    man.render_name_section(roff)?;
    man.render_synopsis_section(roff)?;
    man.render_description_section(roff)?;
    for line in notes(command) {
        writeln!(roff, "{}", escaped(&line))?;
    }
    if command.get_arguments().any(|it| !it.is_hide_set()) {
        man.render_options_section(roff)?;
    }
    if command.has_subcommands() {
        man.render_subcommands_section(roff)?;
    }
    writeln!(roff, ".SH EXAMPLES\n.nf")?;
    for example in examples(command, above) {
        writeln!(roff, "{}", escaped(&example))?;
    }
    write!(roff, ".fi\n{ENDING}")
}

/// Returns the lines behind a command's help that are no examples.
fn notes(command: &Command) -> Vec<String> {
    let lines = after_help(command).into_iter().filter(|line| !line.starts_with("  "));
    lines.filter(|line| !line.is_empty() && !line.starts_with("First steps")).collect()
}

/// Returns a command's examples: those behind its help, else those of the command above that name it, else
/// the bare command.
fn examples(command: &Command, above: &[String]) -> Vec<String> {
    let own = after_help(command).into_iter().filter(|line| line.starts_with("  "));
    let own: Vec<String> = own.map(|line| line.trim_start().to_owned()).collect();
    let name = format!(" {}", command.get_name());
    let inherited = || above.iter().filter(|line| line.contains(&name)).cloned().collect();
    let own: Vec<String> = if own.is_empty() { inherited() } else { own };
    let bare = || command.get_bin_name().unwrap_or(command.get_name()).to_owned();
    if own.is_empty() { vec![bare()] } else { own }
}

fn after_help(command: &Command) -> Vec<String> {
    let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Returns a line of text as roff writes it.
fn escaped(line: &str) -> String {
    let line = line.replace('\\', "\\e").replace('-', "\\-");
    if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line }
}
