//! `referral-relay serve`: the relay itself, and `--sandbox` to try it without an account.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::healthcheck::reachable;
use super::output::Output;
use super::sandbox::{SANDBOX_ADDRESS, default_address};
use super::supervisor::{prove_life, report};
use super::throwaway::Throwaway;
use crate::app::{self, Running};
use crate::clock::SystemClock;
use crate::config::sources::Sources;
use crate::config::tokens::UiMode;
use crate::config::{Required, Settings};
use crate::domain::{Clock, Time};
use crate::sandbox::Sandbox;
use crate::sources::growsurf::signature::sign;
use crate::telemetry::start_logs;

/// Path of GrowSurf's API at the stand-in.
const GROWSURF_PATH: &str = "/growsurf/v2";

/// The secret of the webhooks that `serve --sandbox` accepts.
const SANDBOX_SECRET: &str = "sandbox";

/// The longest interval between two runs of the insights beside the sandbox.
const INSIGHTS_EVERY: Duration = Duration::from_secs(10);

/// The token that opens the operator's pages of `serve --sandbox`, unless the settings have one.
const SANDBOX_TOKEN: &str = "sandbox-operator-token";

/// Arguments of `serve`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Deliver into a built-in stand-in Customer.io, with a store that is deleted at the end.
    ///
    /// Accepts webhooks signed with the secret `sandbox`, and prints a signed `curl` to start with.
    /// Nothing reaches the real Customer.io or the real store. ADDR is the address of the stand-in:
    /// by default `RELAY_SANDBOX_LISTEN`, else port 8090, or a free port if that one is taken.
    ///
    /// Relay and stand-in listen on one IP address. It is the one of server.listen, if a file or
    /// variable sets that; else the one of ADDR; else 127.0.0.1. To reach them from other machines,
    /// set `RELAY__SERVER__LISTEN=0.0.0.0:8080`. The image does so by `RELAY_SANDBOX_LISTEN`.
    #[arg(long, value_name = "ADDR", num_args = 0..=1, require_equals = true)]
    #[expect(clippy::option_option, reason = "no flag, the flag alone, the flag with a value")]
    sandbox: Option<Option<SocketAddr>>,
}

/// Runs until SIGTERM or SIGINT.
pub async fn run(args: Args, sources: &Sources) -> anyhow::Result<ExitCode> {
    let needs = if args.sandbox.is_some() { Required::Nothing } else { Required::Everything };
    let mut settings = Settings::load(sources, needs)?;
    start_logs(&settings.log);
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    let stop = stop_signal()?;
    let trial = match args.sandbox {
        Some(address) => {
            let default = default_address(sources)?;
            let (relay, stand_in) = addresses(&settings, address, default);
            settings.server.listen = relay;
            let is_port_chosen = address.or(default).is_some();
            Some(Trial::start(stand_in, is_port_chosen, &mut settings).await?)
        }
        None => None,
    };
    let served = serve(&settings, trial.as_ref(), stop).await;
    if let Some(trial) = trial {
        trial.stop().await?;
    }
    served.map(|()| ExitCode::SUCCESS)
}

async fn serve(
    settings: &Settings,
    trial: Option<&Trial>,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    tokio::pin!(stop);
    let running = tokio::select! {
        started = app::start(settings) => started?,
        () = &mut stop => return Ok(()),
    };
    if let Some(trial) = trial {
        trial.print_first_steps(&running);
    }
    report("READY=1");
    let operators = running.operator_address.unwrap_or(running.address);
    tokio::select! {
        () = stop => {}
        never = prove_life(reachable(operators)) => match never {},
    }
    report("STOPPING=1");
    Ok(running.stop().await?)
}

/// Handles SIGTERM and SIGINT from now on; the result waits for one of them.
pub fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// The stand-in and the throw-away store of `serve --sandbox`.
struct Trial {
    address: SocketAddr,
    store: Throwaway,
    serving: JoinHandle<std::io::Result<()>>,
    shutdown: CancellationToken,
}

impl Trial {
    /// Starts the stand-in and turns the settings towards it.
    async fn start(
        address: SocketAddr,
        is_port_chosen: bool,
        settings: &mut Settings,
    ) -> anyhow::Result<Self> {
        let context =
            || format!("the stand-in can't listen on {address}; give another with --sandbox=ADDR");
        let bound = match Sandbox::bind(address).await {
            Err(error) if !is_port_chosen && error.kind() == ErrorKind::AddrInUse => {
                Sandbox::bind(SocketAddr::new(address.ip(), 0)).await
            }
            bound => bound,
        };
        let sandbox = bound.with_context(context)?;
        let address = reachable(sandbox.addr());
        let store = Throwaway::make(settings)?;
        settings.growsurf.webhook_secrets = vec![SANDBOX_SECRET.into()];
        settings.growsurf.api_key = Some(SANDBOX_SECRET.into());
        let growsurf = format!("http://{address}{GROWSURF_PATH}").parse();
        settings.growsurf.base_url = growsurf.expect("an address makes a URL");
        for campaign in &mut settings.growsurf.campaigns {
            campaign.webhook_secrets.clear();
            campaign.api_key = None;
        }
        settings.customerio.site_id = Some(SANDBOX_SECRET.to_owned());
        settings.customerio.api_key = Some(SANDBOX_SECRET.into());
        // The program of the stand-in arrives within seconds.
        settings.insights.every = settings.insights.every.min(INSIGHTS_EVERY);
        let admin = &mut settings.admin;
        if admin.tokens.is_empty() {
            admin.tokens = vec![SANDBOX_TOKEN.into()];
        }
        if admin.ui == UiMode::Auto {
            admin.ui = UiMode::On;
        }
        let base_url = format!("http://{address}").parse();
        settings.customerio.base_url = Some(base_url.expect("an address makes a URL"));

        let shutdown = CancellationToken::new();
        let serving = tokio::spawn(sandbox.serve(shutdown.clone()));
        Ok(Self { address, store, serving, shutdown })
    }

    fn print_first_steps(&self, running: &Running) {
        let now = SystemClock.now();
        let (relay, sandbox) = (reachable(running.address), self.address);
        let first = post(relay, now, &first_webhook(now));
        let [unknown, refused] = odd_webhooks(now).map(|webhook| post(relay, now, &webhook));
        let pages = reachable(running.operator_address.unwrap_or(running.address));
        let program = std::env::current_exe().unwrap_or_else(|_| "referral-relay".into());
        let variables = [
            format!("RELAY__STORE__URL={}", self.store.url()),
            format!("RELAY__GROWSURF__API_KEY={SANDBOX_SECRET}"),
            format!("RELAY__GROWSURF__BASE_URL=http://{sandbox}{GROWSURF_PATH}"),
        ];
        let mut backfill =
            format!("{} \\\n  {} backfill", variables.join(" \\\n  "), program.display());
        if running.address.ip().is_unspecified() {
            backfill = format!(
                "{backfill}\n\nIf this is a container, the same from outside:\n\ndocker exec \\\n  -e {} \\\n  \
                 CONTAINER {} backfill",
                variables.join(" \\\n  -e "),
                program.display()
            );
        }
        let mut output = Output::default();
        output.document(format!(
            "\n\
             The relay listens on  http://{relay}  (webhooks: /webhooks/growsurf, secret: {SANDBOX_SECRET})\n\
             Customer.io, a stand-in, is at  http://{sandbox}\n\
             The pages for operators are at  http://{pages}/ui  (token: {SANDBOX_TOKEN}, unless you set one)\n\
             \n\
             Send a first webhook; a friend signs up through Rae's link:\n\
             \n\
             {first}\n\
             \n\
             Then look at the person and the events that arrived:\n\
             \n\
             curl -sS http://{sandbox}/sandbox/people/fay.friend@example.com\n\
             curl -sS http://{sandbox}/sandbox/events\n\
             \n\
             For something to do on the pages, let the stand-in refuse Odd's events, then send a webhook of an unknown\n\
             type, which is parked, and Odd's, which becomes a dead letter:\n\
             \n\
             curl -sS -X PUT http://{sandbox}/sandbox/faults \\\n  \
               -d '{{\"rules\":[{{\"match\":{{\"path\":\"odd.friend%40example.com/events\"}},\"status\":400}}]}}'\n\
             {unknown}\n\
             {refused}\n\
             \n\
             Or read the history of a made-up program of 300 participants from a stand-in GrowSurf:\n\
             \n\
             {backfill}\n\
             \n\
             Then http://{pages}/ui/insights shows which sharing works.\n\
             \n\
             The store is deleted at the end; stop with Ctrl-C.\n"
        ));
        output.print_beside();
    }

    async fn stop(self) -> anyhow::Result<()> {
        self.shutdown.cancel();
        self.serving.await??;
        self.store.remove()
    }
}

/// Returns the addresses of relay and stand-in, which share the IP address that is chosen for one of them.
fn addresses(
    settings: &Settings,
    stand_in: Option<SocketAddr>,
    default: Option<SocketAddr>,
) -> (SocketAddr, SocketAddr) {
    let listen = settings.server.listen;
    let ip = if settings.is_set("server.listen") {
        listen.ip()
    } else {
        stand_in.or(default).map_or(Ipv4Addr::LOCALHOST.into(), |it| it.ip())
    };
    let port = default.map_or(SANDBOX_ADDRESS.port(), |it| it.port());
    let stand_in = stand_in.unwrap_or(SocketAddr::new(ip, port));
    (SocketAddr::new(ip, listen.port()), stand_in)
}

/// Returns the command that sends a signed webhook.
fn post(relay: SocketAddr, now: Time, webhook: &Value) -> String {
    let body = webhook.to_string();
    let signature = sign(SANDBOX_SECRET.as_bytes(), now, body.as_bytes());
    format!(
        "curl -sS http://{relay}/webhooks/growsurf \\\n  \
           -H 'Content-Type: application/json' \\\n  \
           -H 'GrowSurf-Signature: {signature}' \\\n  \
           -d '{body}'"
    )
}

/// Returns a webhook of an unknown type, and one of a friend whose events the stand-in can be made to refuse.
fn odd_webhooks(now: Time) -> [Value; 2] {
    let (mut unknown, mut refused) = (first_webhook(now), first_webhook(now));
    unknown["event"] = "PARTICIPANT_TELEPORTED".into();
    for (field, value) in
        [("id", "odd001"), ("email", "odd.friend@example.com"), ("firstName", "Odd")]
    {
        refused["data"][field] = value.into();
    }
    refused["data"]["shareUrl"] = "https://shop.example.com?grsf=odd001".into();
    refused["data"]["referralSource"] = "DIRECT".into();
    // Calls of a referrer would go with Odd's in one batch, which the fault doesn't match.
    for field in ["referredBy", "referrer"] {
        refused["data"].as_object_mut().and_then(|data| data.remove(field));
    }
    [unknown, refused]
}

/// Returns a webhook as GrowSurf sends one: a friend signed up through a participant's link.
fn first_webhook(now: Time) -> Value {
    let (joined, long_ago) = (now.millis(), now.millis() - 86_400_000);
    serde_json::json!({
        "event": "NEW_PARTICIPANT_ADDED",
        "createdAt": joined,
        "data": {
            "id": "fay001",
            "email": "fay.friend@example.com",
            "firstName": "Fay",
            "lastName": "Friend",
            "referralCount": 0,
            "shareUrl": "https://shop.example.com?grsf=fay001",
            "createdAt": joined,
            "referralSource": "PARTICIPANT",
            "referredBy": "rae001",
            "referrer": {
                "id": "rae001",
                "email": "rae.referrer@example.com",
                "firstName": "Rae",
                "lastName": "Referrer",
                "referralCount": 5,
                "shareUrl": "https://shop.example.com?grsf=rae001",
                "createdAt": long_ago
            },
            "campaign": { "id": "demo01", "name": "Spring Referral Program", "type": "REFERRAL" }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relay_and_stand_in_listen_on_one_ip_address() {
        let addresses = |listen: Option<&str>, stand_in: Option<&str>, default: Option<&str>| {
            let variable = listen.map(|it| ("RELAY__SERVER__LISTEN".to_owned(), it.to_owned()));
            let sources = Sources::new(None, variable);
            let settings = Settings::load(&sources, Required::Nothing).unwrap();
            let parsed = |text: Option<&str>| text.map(|it| it.parse().unwrap());
            let (relay, stand_in) = addresses(&settings, parsed(stand_in), parsed(default));
            [relay.to_string(), stand_in.to_string()]
        };
        let (all, image) = (Some("0.0.0.0:80"), Some("0.0.0.0:8090"));
        assert_eq!(addresses(None, None, None), ["127.0.0.1:8080", "127.0.0.1:8090"]);
        assert_eq!(addresses(all, None, None), ["0.0.0.0:80", "0.0.0.0:8090"]);
        assert_eq!(addresses(None, None, image), ["0.0.0.0:8080", "0.0.0.0:8090"]);
        assert_eq!(addresses(None, Some("[::]:9"), image), ["[::]:8080", "[::]:9"]);
        assert_eq!(addresses(all, Some("127.0.0.1:9"), image), ["0.0.0.0:80", "127.0.0.1:9"]);
        assert_eq!(
            addresses(Some("127.0.0.1:80"), None, image),
            ["127.0.0.1:80", "127.0.0.1:8090"]
        );
    }
}
