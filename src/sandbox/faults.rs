//! Scripted faults: which request meets which, as a pure decision.
//!
//! The first rule that applies decides; `api` carries the fault out. [The guide](crate::docs::sandbox)
//! has the keys of a rule. Beyond it:
//!
//! - `path` is compared with the raw path; `identifier` is decoded, an address in lower case, a `cio_id`
//!   without prefix. Any operation of a batch can match.
//! - A `body` that is a string is sent as it is, else as JSON.
//! - `latency_ms` goes with everything else; `batch_item_errors` matches batches only.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answer::Answer;

/// The rules as they are sent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    #[serde(default, rename = "match")]
    matching: Matching,
    #[serde(default)]
    skip: u64,
    times: Option<u64>,
    probability: Option<f64>,
    #[serde(default)]
    seed: u64,
    #[serde(default)]
    latency_ms: u64,
    status: Option<u16>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<Value>,
    drop: Option<Dropping>,
    #[serde(default)]
    half_response: bool,
    hang_ms: Option<u64>,
    #[serde(default)]
    batch_item_errors: Vec<usize>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Matching {
    path: Option<String>,
    method: Option<String>,
    identifier: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Dropping {
    Before,
    After,
}

/// The effect of a rule on a request.
#[derive(Debug)]
pub(super) struct Fault {
    /// Between the effect and the ending.
    pub(super) latency: Duration,
    pub(super) ending: Ending,
    /// Added to the true answer.
    pub(super) headers: HeaderMap,
    /// The operations of a batch that are refused.
    pub(super) item_errors: Vec<usize>,
}

/// The end of a faulted request.
#[derive(Debug)]
pub(super) enum Ending {
    /// With the effect and its true answer.
    Answered,
    /// Without effect, with this answer.
    Replaced(Answer),
    /// Without effect or answer, after a while.
    Closed(Duration),
    /// With the effect, without an answer.
    Lost,
    /// With the effect and a part of its answer.
    Broken,
}

impl Fault {
    pub(super) fn has_effect(&self) -> bool {
        !matches!(self.ending, Ending::Replaced(_) | Ending::Closed(_))
    }
}

/// The parts of a request that a rule can match.
pub(super) struct Subject<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) is_about: &'a dyn Fn(&str) -> bool,
}

/// The rules in force, with their uses.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Active>);

#[derive(Debug, Serialize)]
struct Active {
    #[serde(flatten)]
    rule: Rule,
    matched: u64,
    used: u64,
    left: Option<u64>,
    #[serde(skip)]
    random: fastrand::Rng,
    #[serde(skip)]
    fault: Arc<Fault>,
}

impl Faults {
    /// Reads the rules of a script, whose errors without a body are answered with `bare`.
    ///
    /// # Errors
    ///
    /// Says which rule can't be carried out, and why.
    pub(super) fn read(script: &[u8], bare: fn(StatusCode) -> Answer) -> Result<Self, String> {
        let script: Script = serde_json::from_slice(script).map_err(|error| error.to_string())?;
        let rules = script.rules.into_iter().enumerate();
        let active = rules.map(|(index, rule)| {
            Active::new(rule, bare).map_err(|problem| format!("rules[{index}]: {problem}"))
        });
        active.collect::<Result<_, _>>().map(Self)
    }

    /// Decides about one request. Counts, so it must be asked once a request.
    pub(super) fn decide(&mut self, subject: &Subject<'_>) -> Option<Arc<Fault>> {
        self.0.iter_mut().find_map(|active| active.applies(subject).then(|| active.fault.clone()))
    }

    /// Returns `{"rules":[...]}` with the uses.
    pub(super) fn to_json(&self) -> Value {
        serde_json::json!({"rules": self.0})
    }
}

impl Active {
    fn new(rule: Rule, bare: fn(StatusCode) -> Answer) -> Result<Self, String> {
        if rule.probability.is_some_and(|p| !(0.0..=1.0).contains(&p)) {
            return Err("probability must be between 0 and 1".to_owned());
        }
        let fault = Fault {
            latency: Duration::from_millis(rule.latency_ms),
            ending: rule.ending(bare)?,
            headers: rule.headers()?,
            item_errors: rule.batch_item_errors.clone(),
        };
        Ok(Self {
            matched: 0,
            used: 0,
            left: rule.times,
            random: fastrand::Rng::with_seed(rule.seed),
            fault: Arc::new(fault),
            rule,
        })
    }

    fn applies(&mut self, subject: &Subject<'_>) -> bool {
        if !self.rule.matches(subject) {
            return false;
        }
        self.matched += 1;
        if self.matched <= self.rule.skip || self.left == Some(0) {
            return false;
        }
        if let Some(probability) = self.rule.probability
            && self.random.f64() >= probability
        {
            return false;
        }
        self.used += 1;
        self.left = self.left.map(|left| left - 1);
        true
    }
}

impl Rule {
    fn matches(&self, subject: &Subject<'_>) -> bool {
        let Matching { path, method, identifier } = &self.matching;
        path.as_ref().is_none_or(|path| subject.path.contains(path))
            && method.as_ref().is_none_or(|method| subject.method.eq_ignore_ascii_case(method))
            && (self.batch_item_errors.is_empty() || subject.path.starts_with("/api/v2/batch"))
            && identifier.as_ref().is_none_or(|identifier| (subject.is_about)(identifier))
    }

    fn ending(&self, bare: fn(StatusCode) -> Answer) -> Result<Ending, String> {
        let replaced = match self.status {
            Some(status) => Some(Ending::Replaced(self.answer(status, bare)?)),
            None if self.body.is_none() => None,
            None => return Err("a body needs a status".to_owned()),
        };
        let dropped = self.drop.map(|drop| match drop {
            Dropping::Before => Ending::Closed(Duration::ZERO),
            Dropping::After => Ending::Lost,
        });
        let broken = self.half_response.then_some(Ending::Broken);
        let hung = self.hang_ms.map(|ms| Ending::Closed(Duration::from_millis(ms)));
        let refused = (!self.batch_item_errors.is_empty()).then_some(Ending::Answered);

        let mut endings = [replaced, dropped, broken, hung, refused].into_iter().flatten();
        let ending = endings.next();
        if endings.next().is_some() {
            let message = "only one of status, drop, half_response, hang_ms, batch_item_errors";
            return Err(message.to_owned());
        }
        Ok(ending.unwrap_or(Ending::Answered))
    }

    fn answer(&self, status: u16, bare: fn(StatusCode) -> Answer) -> Result<Answer, String> {
        let status = StatusCode::from_u16(status)
            .ok()
            .filter(|status| status.as_u16() >= 200)
            .ok_or("status must be between 200 and 999")?;
        let mut answer = match &self.body {
            Some(Value::String(text)) => Answer { body: text.clone().into(), ..Answer::success() },
            Some(body) => Answer::json(status, body),
            None if status.is_success() => Answer::success(),
            None => bare(status),
        };
        answer.status = status;
        answer.headers = self.headers()?;
        Ok(answer)
    }

    fn headers(&self) -> Result<HeaderMap, String> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let wrong = |error: &dyn std::fmt::Display| format!("header {name}: {error}");
            let value = HeaderValue::from_str(value).map_err(|error| wrong(&error))?;
            headers.insert(name.parse::<HeaderName>().map_err(|error| wrong(&error))?, value);
        }
        Ok(headers)
    }
}

#[cfg(test)]
mod tests;
