//! `referral-relay insights`: which sharing works, from the store alone.

use std::process::ExitCode;

use super::existing_store::with_store;
use super::output::Output;
use crate::app;
use crate::config::Settings;
use crate::insights::{Report, Section, Table, find, title};

/// Arguments of `insights`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Sum up all people now, instead of showing the running relay's last sums.
    #[arg(long)]
    now: bool,
    /// Print JSON, for scripts.
    #[arg(long)]
    json: bool,
}

/// Prints the sums; makes them if there are none.
pub async fn run(args: &Args, settings: &Settings) -> anyhow::Result<ExitCode> {
    let document = with_store(settings, async |store| {
        let kept = if args.now { None } else { find(store).await? };
        match kept {
            Some(document) => Ok(document),
            None => Ok(app::insights(settings, store).sum_up(|_people| ()).await?),
        }
    });
    let report = Report::of(&document.await?);
    let mut output = Output::default();
    output.show(args.json, &report, write);
    output.print()?;
    Ok(ExitCode::SUCCESS)
}

fn write(report: &Report, output: &mut Output) {
    let Report { as_of, people, time_zone, campaigns } = report;
    output
        .line(format!("As of {as_of}, over {people} people; weeks begin on Monday in {time_zone}"));
    for campaign in campaigns {
        output.blank();
        let name = campaign.name.as_deref().map_or(String::new(), |name| format!(": {name}"));
        output.line(format!("Campaign {}{name}", campaign.campaign));
        for section in &campaign.sections {
            write_section(section, output);
        }
    }
}

fn write_section(section: &Section, output: &mut Output) {
    output.blank();
    output.line(section.title);
    for sentence in &section.sentences {
        output.line(format!("  {sentence}"));
    }
    for table in &section.tables {
        output.line(format!("  {}", table.caption));
        write_table(table, output);
    }
}

fn write_table(table: &Table, output: &mut Output) {
    let mut lines: Vec<Vec<String>> = vec![table.columns.iter().map(|name| title(name)).collect()];
    lines.extend(table.rows.iter().map(|row| row.cells.iter().map(ToString::to_string).collect()));
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..table.columns.len()).map(width).collect();
    let is_unripe = std::iter::once(false).chain(table.rows.iter().map(|row| row.is_unripe));
    for (line, is_unripe) in lines.iter().zip(is_unripe) {
        let cells = line.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        let cells: Vec<String> = cells.collect();
        let mark = if is_unripe { "  not ripe" } else { "" };
        output.line(format!("    {}{mark}", cells.join("  ").trim_end()));
    }
}
