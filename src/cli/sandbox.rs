//! `referral-relay sandbox`: the stand-ins of Customer.io and GrowSurf alone.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use super::healthcheck::reachable;
use super::output::{Output, Usage};
use super::serve::stop_signal;
use crate::config::sources::Sources;
use crate::sandbox::Sandbox;

/// The variable with the address of the stand-ins, for them and for `healthcheck`.
const LISTEN_VARIABLE: &str = "RELAY_SANDBOX_LISTEN";

/// The address of the stand-ins if none is given.
pub const SANDBOX_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8090);

/// Arguments of `sandbox`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Address and port to listen on; port 0 takes a free one. The default is `RELAY_SANDBOX_LISTEN`, else 127.0.0.1:8090.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
}

/// Runs until SIGTERM or SIGINT.
pub async fn run(args: Args, sources: &Sources) -> anyhow::Result<ExitCode> {
    let stop = stop_signal()?;
    let default = default_address(sources)?.unwrap_or(SANDBOX_ADDRESS);
    let listen = args.listen.unwrap_or(default);
    let context = || format!("can't listen on {listen}; give another address with --listen");
    let sandbox = Sandbox::bind(listen).await.with_context(context)?;
    let address = reachable(sandbox.addr());
    let mut output = Output::default();
    output.line(format!("A stand-in Customer.io listens on http://{address}"));
    output.line(format!("A stand-in GrowSurf is at http://{address}/growsurf/v2 (key: sandbox)"));
    output.line(format!("See what arrived: http://{address}/sandbox/people, /sandbox/events"));
    output.print_beside();
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(sandbox.serve(shutdown.clone()));
    stop.await;
    shutdown.cancel();
    serving.await??;
    Ok(ExitCode::SUCCESS)
}

/// Returns the address of the stand-ins that the environment sets.
pub fn default_address(sources: &Sources) -> anyhow::Result<Option<SocketAddr>> {
    let set = sources.environment().get(LISTEN_VARIABLE).filter(|it| !it.is_empty());
    let refused = |text: &String| {
        Usage(format!("{LISTEN_VARIABLE}: \"{text}\" isn't an IP address with a port"))
    };
    Ok(set.map(|text| text.parse().map_err(|_| refused(text))).transpose()?)
}
