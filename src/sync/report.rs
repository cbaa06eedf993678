//! The report of a synchronisation.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use strum::VariantNames;

use crate::domain::{Call, Plan, Receipt, Status};

/// The most remarks of a kind.
const REMARKS: usize = 20;

/// The result of a synchronisation.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SyncReport {
    /// Rows read.
    pub rows: u64,
    /// Rows with something new.
    pub changed: u64,
    /// New effects by kind.
    pub effects: BTreeMap<String, u64>,
    /// New effects that aren't sent, by kind.
    pub left_out: BTreeMap<String, u64>,
    /// Events that the settings turn off, by their own names.
    pub off: BTreeMap<String, u64>,
    /// Calls that aren't events, such as identifies and merges.
    pub calls: BTreeMap<String, u64>,
    /// Some of the reasons for unmapped rows or parts.
    pub unmapped: Vec<String>,
    /// Rows with an unmapped part.
    pub incomplete_rows: u64,
    /// Participants whose rewards weren't read.
    pub unread_rewards: u64,
    /// Notices to the operator.
    pub notices: Vec<String>,
}

impl SyncReport {
    /// Adds the result of an accepted row.
    pub fn add_receipt(&mut self, receipt: &Receipt) {
        for (kind, count) in &receipt.kinds {
            self.call(kind, *count);
        }
        receipt.notices.iter().for_each(|notice| self.add_notice(notice));
        if let Status::Parked { reason } = &receipt.status {
            self.add_unmapped(reason);
        }
    }

    /// Adds what a row's plan doesn't send.
    pub fn add_unsent(&mut self, plan: &Plan) {
        for name in &plan.filtered_events {
            add(&mut self.left_out, name, 1);
        }
        for name in &plan.disabled_events {
            add(&mut self.off, name, 1);
        }
        if !plan.unmapped.is_empty() {
            self.add_unmapped(&plan.unmapped.join("; "));
        }
    }

    fn call(&mut self, kind: &str, count: u64) {
        let is_effect = !Call::VARIANTS.contains(&kind);
        add(if is_effect { &mut self.effects } else { &mut self.calls }, kind, count);
    }

    /// Adds the reason for an unmapped row or part.
    pub fn add_unmapped(&mut self, reason: &str) {
        self.incomplete_rows += 1;
        remark(&mut self.unmapped, reason);
    }

    pub fn add_notice(&mut self, notice: &str) {
        remark(&mut self.notices, notice);
    }

    /// Adds another report.
    pub fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.changed += other.changed;
        self.incomplete_rows += other.incomplete_rows;
        self.unread_rewards += other.unread_rewards;
        for (mine, theirs) in [
            (&mut self.effects, &other.effects),
            (&mut self.left_out, &other.left_out),
            (&mut self.off, &other.off),
            (&mut self.calls, &other.calls),
        ] {
            theirs.iter().for_each(|(name, count)| add(mine, name, *count));
        }
        other.unmapped.iter().for_each(|it| remark(&mut self.unmapped, it));
        other.notices.iter().for_each(|it| remark(&mut self.notices, it));
    }
}

fn add(counts: &mut BTreeMap<String, u64>, name: &str, more: u64) {
    *counts.entry(name.to_owned()).or_default() += more;
}

fn remark(remarks: &mut Vec<String>, text: &str) {
    if remarks.len() < REMARKS && !remarks.iter().any(|it| it == text) {
        remarks.push(text.to_owned());
    }
}
