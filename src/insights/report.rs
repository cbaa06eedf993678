//! The report: the document as sections of sentences and tables, the same for every face.
//!
//! What belongs here: the form of tables and JSON, and figures one by one. What doesn't: the figures of each section (`sections`), and
//! HTML and CSV (`ui`).

use std::fmt;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_with::{DisplayFromStr, serde_as};

use super::document::Document;
use super::sections::sections;
use crate::domain::{PersonId, Time};

/// Everything that insights say, by campaign.
#[serde_as]
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Report {
    /// The start of the run that summed up.
    #[serde_as(as = "DisplayFromStr")]
    pub as_of: Time,
    /// The time zone of weeks.
    pub time_zone: String,
    /// People who were summed up.
    pub people: u64,
    pub campaigns: Vec<CampaignReport>,
}

/// The sections of one campaign.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct CampaignReport {
    pub campaign: String,
    pub name: Option<String>,
    pub sections: Vec<Section>,
}

/// Figures about one question.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Section {
    pub id: &'static str,
    pub title: &'static str,
    /// The definition of the figures.
    pub definition: &'static str,
    pub sentences: Vec<String>,
    pub tables: Vec<Table>,
}

/// A table of figures; the first column names the row.
#[derive(Clone, PartialEq, Debug)]
pub struct Table {
    pub id: &'static str,
    pub caption: &'static str,
    /// The names of columns, as JSON and CSV have them.
    pub columns: Vec<&'static str>,
    pub rows: Vec<Row>,
    /// The columns that its picture stacks; without any there is no picture.
    pub drawn: &'static [&'static str],
}

/// A row of figures.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    pub cells: Vec<Cell>,
    /// True if its figures can still grow, so that they count in no mean.
    pub is_unripe: bool,
    /// The person whom it is about.
    pub person: Option<PersonId>,
}

/// A figure, or the name of a row.
#[derive(Clone, PartialEq, Debug)]
pub enum Cell {
    Text(String),
    Count(i64),
    /// A number with one decimal digit, such as a percentage.
    Decimal(f64),
    /// No figure: there is nothing to divide by.
    None,
}

impl Report {
    /// Makes the report of a document.
    pub fn of(document: &Document) -> Self {
        let campaigns = document.campaigns.iter().map(|(campaign, sums)| CampaignReport {
            campaign: campaign.clone(),
            name: sums.name.clone(),
            sections: sections(campaign, sums, document),
        });
        Self {
            as_of: document.as_of,
            time_zone: document.time_zone.clone(),
            people: document.people,
            campaigns: campaigns.collect(),
        }
    }

    /// The columns of [`Report::figures`].
    pub const FIGURE: [&str; 8] =
        ["as_of", "campaign", "section", "table", "row", "figure", "value", "ripe"];

    /// Returns every figure with its place.
    pub fn figures(&self) -> Vec<[String; 8]> {
        let mut figures = Vec::new();
        for CampaignReport { campaign, sections, .. } in &self.campaigns {
            for section in sections {
                for table in &section.tables {
                    for row in &table.rows {
                        let ripe = if row.is_unripe { "no" } else { "yes" };
                        let cells = table.columns.iter().zip(&row.cells).skip(1);
                        figures.extend(cells.map(|(column, cell)| {
                            let as_of = self.as_of.to_string();
                            let place = [campaign.as_str(), section.id, table.id];
                            let [campaign, section, table] = place.map(str::to_owned);
                            let (name, value) = (row.name(), cell.to_string());
                            let column = (*column).to_owned();
                            [as_of, campaign, section, table, name, column, value, ripe.to_owned()]
                        }));
                    }
                }
            }
        }
        figures
    }
}

impl Table {
    /// Returns the names of columns for people.
    pub fn titles(&self) -> impl Iterator<Item = String> + '_ {
        self.columns.iter().map(|column| title(column))
    }

    /// Returns the place of a column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| *column == name)
    }
}

/// Returns a column's name for people.
pub fn title(column: &str) -> String {
    column.replace('_', " ").replace("percent", "%")
}

impl Row {
    /// Makes a row that is ripe and about nobody.
    pub fn new(cells: Vec<Cell>) -> Self {
        Self { cells, is_unripe: false, person: None }
    }

    /// Returns the name of the row.
    pub fn name(&self) -> String {
        self.cells.first().map(ToString::to_string).unwrap_or_default()
    }
}

impl Cell {
    /// Makes a cell of a count.
    pub fn count(count: u64) -> Self {
        Self::Count(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// Makes a cell of a text.
    pub fn text(text: impl ToString) -> Self {
        Self::Text(text.to_string())
    }

    /// Makes a cell of a quotient in hundredths, with one decimal digit.
    pub fn per_100(part: u64, whole: u64) -> Self {
        let quotient = super::interval::Proportion { successes: part, total: whole }.estimate();
        quotient.map_or(Self::None, |it| Self::Decimal((it * 1_000.0).round() / 10.0))
    }

    /// True if it is a figure.
    pub fn is_number(&self) -> bool {
        !matches!(self, Self::Text(_))
    }

    /// Returns a count; other cells have none.
    pub fn as_count(&self) -> Option<i64> {
        match self {
            Self::Count(count) => Some(*count),
            _ => None,
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Count(count) => write!(f, "{count}"),
            Self::Decimal(decimal) => write!(f, "{decimal:.1}"),
            Self::None => Ok(()),
        }
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => to.serialize_str(text),
            Self::Count(count) => to.serialize_i64(*count),
            Self::Decimal(decimal) => to.serialize_f64(*decimal),
            Self::None => to.serialize_none(),
        }
    }
}

impl Serialize for Table {
    /// Writes each row as an object with the columns as keys.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        struct Keyed<'a>(&'a Table, &'a Row);
        impl Serialize for Keyed<'_> {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                let Self(table, row) = self;
                let mut map = to.serialize_map(None)?;
                for (column, cell) in table.columns.iter().zip(&row.cells) {
                    map.serialize_entry(column, cell)?;
                }
                map.serialize_entry("is_ripe", &!row.is_unripe)?;
                if let Some(PersonId(number)) = row.person {
                    map.serialize_entry("person", &number)?;
                }
                map.end()
            }
        }
        let rows: Vec<Keyed<'_>> = self.rows.iter().map(|row| Keyed(self, row)).collect();
        let mut map = to.serialize_map(Some(4))?;
        map.serialize_entry("id", self.id)?;
        map.serialize_entry("caption", self.caption)?;
        map.serialize_entry("columns", &self.columns)?;
        map.serialize_entry("rows", &rows)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quotient_has_one_digit_and_nothing_is_divided_by_nothing() {
        assert_eq!(Cell::per_100(1, 3).to_string(), "33.3");
        assert_eq!(Cell::per_100(2, 3).to_string(), "66.7");
        assert_eq!(Cell::per_100(0, 0).to_string(), "");
        assert_eq!(serde_json::to_string(&Cell::per_100(1, 4)).unwrap(), "25.0");
        assert_eq!(title("converting_percent"), "converting %");
    }
}
