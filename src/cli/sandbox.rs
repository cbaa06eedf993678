//! `referral-relay sandbox`: the stand-ins of Customer.io and GrowSurf alone.

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use super::output::{Failure, Output, failed};
use super::serve::stop_signal;
use crate::sandbox::Sandbox;

/// Arguments of `sandbox`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Address and port to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
}

/// Runs until it is told to stop.
pub async fn run(args: Args) -> Result<ExitCode, Failure> {
    let stop = stop_signal().map_err(failed)?;
    let context = || format!("can't listen on {}; give another address with --listen", args.listen);
    let sandbox = Sandbox::bind(args.listen).await.with_context(context)?;
    let address = sandbox.addr();
    let mut page = Output::default();
    page.line(format!("A stand-in Customer.io listens on http://{address}"));
    page.line(format!("A stand-in GrowSurf is at http://{address}/growsurf/v2 (key: sandbox)"));
    page.line(format!("What it holds: http://{address}/sandbox/people, /sandbox/events"));
    page.print_beside();
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(sandbox.serve(shutdown.clone()));
    stop.await;
    shutdown.cancel();
    serving.await.map_err(failed)?.map_err(failed)?;
    Ok(ExitCode::SUCCESS)
}
