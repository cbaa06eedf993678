//! `cargo bench --bench steps`: the steps between the bytes of a webhook and the bytes of the
//! requests it leads to, each alone, without disk and network.

#![expect(clippy::unwrap_used, reason = "a benchmark that can't go on has to stop")]

use std::convert::Infallible;
use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use referral_relay::app::rules;
use referral_relay::config::sources::Sources;
use referral_relay::config::{Required, Settings};
use referral_relay::customerio::limits::fit;
use referral_relay::customerio::request;
use referral_relay::domain::{self, Call, LaneKey, Notification, Plan, ReadKey, ReadSet, Time};
use referral_relay::mapping::Mapper;
use referral_relay::sources::growsurf::decode;
use referral_relay::sources::growsurf::signature::{Key, Owner, sign, verify};

/// A friend's sign-up through a referrer's link, as GrowSurf reports it.
const GROWSURF: &str = r#"{"event":"NEW_PARTICIPANT_ADDED","createdAt":1731494175123,"data":{"id":"fay001","email":"fay.friend@example.com","firstName":"Fay","lastName":"Friend","shareUrl":"https://shop.example.com?grsf=fay001","referralCount":0,"monthlyReferralCount":0,"vanityKeys":[],"shareCount":{"email":0,"facebook":0},"impressionCount":2,"uniqueImpressionCount":2,"createdAt":1731494175123,"referralSource":"PARTICIPANT","referredBy":"rae001","fraudRiskLevel":"LOW","fraudReasonCode":"UNIQUE_IDENTITY","metadata":{"companyName":"Example Shop Ltd"},"unsubscribed":false,"referrer":{"id":"rae001","email":"rae.referrer@example.com","firstName":"Rae","lastName":"Referrer","shareUrl":"https://shop.example.com?grsf=rae001","referralCount":5,"vanityKeys":["rae"],"createdAt":1721494175123,"metadata":{}},"campaign":{"id":"ct8f71","name":"Spring Referral Program","type":"REFERRAL","currencyISO":"USD","rewards":[]}}}"#;

/// The same in the shape of GrowSurf's guide.
const GUIDE: &str = r#"{"event":"PARTICIPANT_CREATED","participant":{"email":"fay.friend@example.com","firstName":"Fay","lastName":"Friend","referralCode":"fay001","shareUrl":"https://shop.example.com?grsf=fay001","referralCount":0,"campaignId":"ct8f71","campaignName":"Spring Referral Program"},"referrer":{"email":"rae.referrer@example.com","firstName":"Rae","lastName":"Referrer","referralCode":"rae","shareUrl":"https://shop.example.com?grsf=rae001","referralCount":5}}"#;

const SHAPES: [(&str, &str); 2] = [("growsurf", GROWSURF), ("guide", GUIDE)];

/// Number of calls that share a request in the benchmark of batches.
const BATCH: usize = 500;

fn now() -> Time {
    Time::from_millis(1_731_494_176_000)
}

fn notification(body: &str) -> Notification {
    decode(body.as_bytes(), now()).unwrap().reading.unwrap()
}

fn mapper() -> Mapper {
    let built_in = Sources::new(None, Vec::new()).in_directory("/nonexistent");
    Mapper::new(rules(&Settings::load(&built_in, Required::Nothing).unwrap()))
}

/// Plans as a store does that knows nobody.
fn plan(mapper: &Mapper, notification: &Notification) -> Plan {
    let get = |read: &mut ReadSet, keys: Vec<ReadKey>| {
        for key in keys {
            match key {
                ReadKey::Effect(id) => read.add_effect(id, false),
                person => read.add_person(person, None),
            }
        }
        Ok::<_, Infallible>(())
    };
    let read = ReadSet::new([7; 32], now(), false);
    let planned = domain::plan(mapper, notification, now(), read, get);
    planned.unwrap_or_else(|never| match never {}).expect("it can be mapped")
}

/// Returns all calls of a plan, each with whom it is for.
fn calls(plan: &Plan) -> Vec<(LaneKey, Call)> {
    let of_lane = plan.lanes.iter().flat_map(|lane| {
        let key = lane.person.key.clone();
        lane.calls.iter().map(move |planned| (key.clone(), planned.call.clone()))
    });
    of_lane.collect()
}

fn verifying(criterion: &mut Criterion) {
    let header = sign(b"a secret", now(), GROWSURF.as_bytes());
    let mut group = criterion.benchmark_group("verify");
    group.throughput(Throughput::Bytes(GROWSURF.len() as u64));
    group.bench_function("growsurf", |bencher| {
        bencher.iter(|| {
            let key = Key { owner: Owner::Global, secret: b"a secret" };
            let (header, body) = (Some(header.as_str()), GROWSURF.as_bytes());
            verify(black_box(header), black_box(body), [key], now(), Duration::from_secs(60))
        });
    });
    group.finish();
}

fn decoding(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    for (shape, body) in SHAPES {
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(shape, |bencher| {
            bencher.iter(|| decode(black_box(body.as_bytes()), now()));
        });
    }
    group.finish();
}

fn planning(criterion: &mut Criterion) {
    let mapper = mapper();
    let mut group = criterion.benchmark_group("plan");
    for (shape, body) in SHAPES {
        let notification = notification(body);
        group.bench_function(shape, |bencher| {
            bencher.iter(|| plan(&mapper, black_box(&notification)))
        });
    }
    group.finish();
}

fn encoding(criterion: &mut Criterion) {
    let calls = calls(&plan(&mapper(), &notification(GROWSURF)));
    let mut group = criterion.benchmark_group("encode");
    for (key, call) in calls.iter().take(2) {
        let kind = match call {
            Call::Identify { .. } => "identify",
            _ => "track",
        };
        group.bench_function(kind, |bencher| {
            bencher.iter(|| request::alone(&fit(key, black_box(call)).unwrap()));
        });
    }
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function("batch", |bencher| {
        bencher.iter(|| {
            let many = black_box(&calls).iter().cycle().take(BATCH);
            let operations: Vec<_> = many
                .map(|(key, call)| request::operation(&fit(key, call).unwrap()).unwrap())
                .collect();
            request::batches(&operations, BATCH)
        });
    });
    group.finish();
}

criterion_group!(steps, verifying, decoding, planning, encoding);
criterion_main!(steps);
