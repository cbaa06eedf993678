//! `referral-relay serve`: the relay itself, and `--sandbox` to try it without an account.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::output::{Failure, Output, failed};
use super::throwaway::Throwaway;
use crate::app::{self, Running};
use crate::clock::SystemClock;
use crate::config::sources::Sources;
use crate::config::{Required, Settings};
use crate::domain::{Clock, Time};
use crate::sandbox::Sandbox;
use crate::sources::growsurf::signature::sign;
use crate::telemetry::start_logs;

/// Where the stand-in has GrowSurf's API.
const GROWSURF_PATH: &str = "/growsurf/v2";

/// The secret that `serve --sandbox` takes webhooks with.
const SANDBOX_SECRET: &str = "sandbox";

/// Arguments of `serve`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Deliver into a built-in stand-in Customer.io, with a store that is thrown away.
    ///
    /// Listens on the loopback address only, takes webhooks signed with the secret `sandbox`, and
    /// prints a signed `curl` to start with. Nothing of it reaches the real Customer.io or the
    /// real store. ADDR is where the stand-in listens: by default 127.0.0.1:8090, or a free port
    /// if that one is taken.
    #[arg(long, value_name = "ADDR", num_args = 0..=1, require_equals = true)]
    #[expect(clippy::option_option, reason = "no flag, the flag alone, the flag with a value")]
    sandbox: Option<Option<SocketAddr>>,
}

/// Where the stand-in listens unless told otherwise.
const SANDBOX_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8090);

/// Runs until SIGTERM or SIGINT.
pub async fn run(args: Args, sources: &Sources) -> Result<ExitCode, Failure> {
    let needs = if args.sandbox.is_some() { Required::NOTHING } else { Required::EVERYTHING };
    let mut settings = Settings::load(sources, needs)?;
    start_logs(&settings.log);
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    let stop = stop_signal().map_err(failed)?;
    let trial = match args.sandbox {
        Some(address) => Some(Trial::start(address, &mut settings).await?),
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
) -> Result<(), Failure> {
    tokio::pin!(stop);
    let running = tokio::select! {
        started = app::start(settings) => started.map_err(failed)?,
        () = &mut stop => return Ok(()),
    };
    if let Some(trial) = trial {
        trial.print_first_steps(&running);
    }
    stop.await;
    running.stop().await.map_err(failed)
}

/// From now on SIGTERM and SIGINT end nothing by themselves; what is returned waits for one.
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
    async fn start(asked: Option<SocketAddr>, settings: &mut Settings) -> Result<Self, Failure> {
        let address = asked.unwrap_or(SANDBOX_ADDRESS);
        let context =
            || format!("the stand-in can't listen on {address}; give another with --sandbox=ADDR");
        let bound = match Sandbox::bind(address).await {
            Err(error) if asked.is_none() && error.kind() == ErrorKind::AddrInUse => {
                Sandbox::bind(SocketAddr::new(address.ip(), 0)).await
            }
            bound => bound,
        };
        let sandbox = bound.with_context(context)?;
        let address = sandbox.addr();
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
        let base_url = format!("http://{address}").parse();
        settings.customerio.base_url = Some(base_url.expect("an address makes a URL"));
        settings.server.listen = loopback(settings.server.listen);
        settings.server.operator_listen = settings.server.operator_listen.map(loopback);

        let shutdown = CancellationToken::new();
        let serving = tokio::spawn(sandbox.serve(shutdown.clone()));
        Ok(Self { address, store, serving, shutdown })
    }

    fn print_first_steps(&self, running: &Running) {
        let now = SystemClock.now();
        let body = first_webhook(now);
        let signature = sign(SANDBOX_SECRET.as_bytes(), now, body.as_bytes());
        let (relay, sandbox) = (running.address, self.address);
        let store = self.store.url();
        let program = std::env::current_exe().unwrap_or_else(|_| "referral-relay".into());
        let program = program.display();
        let mut page = Output::default();
        page.document(format!(
            "\n\
             The relay listens on  http://{relay}  (webhooks: /webhooks/growsurf, secret: {SANDBOX_SECRET})\n\
             Customer.io, a stand-in, is at  http://{sandbox}\n\
             \n\
             Send a first webhook; a friend signs up through Rae's link:\n\
             \n\
             curl -sS http://{relay}/webhooks/growsurf \\\n  \
               -H 'Content-Type: application/json' \\\n  \
               -H 'GrowSurf-Signature: {signature}' \\\n  \
               -d '{body}'\n\
             \n\
             Then look at the person and the events that arrived:\n\
             \n\
             curl -sS http://{sandbox}/sandbox/people/fay.friend@example.com\n\
             curl -sS http://{sandbox}/sandbox/events\n\
             \n\
             Or take in the history of a made-up program of 300 participants, from a stand-in GrowSurf:\n\
             \n\
             RELAY__STORE__URL={store} \\\n  \
               RELAY__GROWSURF__API_KEY={SANDBOX_SECRET} \\\n  \
               RELAY__GROWSURF__BASE_URL=http://{sandbox}{GROWSURF_PATH} \\\n  \
               {program} backfill\n\
             \n\
             The store is thrown away at the end; stop with Ctrl-C.\n"
        ));
        page.print_beside();
    }

    async fn stop(self) -> Result<(), Failure> {
        self.shutdown.cancel();
        self.serving.await.map_err(failed)?.map_err(failed)?;
        self.store.remove()
    }
}

/// The same port, reachable from this machine only.
fn loopback(address: SocketAddr) -> SocketAddr {
    if address.ip().is_loopback() {
        return address;
    }
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port())
}

/// A webhook as GrowSurf sends one: a friend signed up through a participant's link.
fn first_webhook(now: Time) -> String {
    let (joined, long_ago) = (now.millis(), now.millis() - 86_400_000);
    let webhook = serde_json::json!({
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
    });
    webhook.to_string()
}
