//! `referral-relay healthcheck`: asks a running relay whether it is ready.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::output::{Failure, Output};
use crate::config::sources::Sources;
use crate::config::{Required, Settings};

/// Arguments of `healthcheck`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Address and port of the relay; by default the one in the settings, on this machine.
    #[arg(long, value_name = "ADDR")]
    address: Option<SocketAddr>,
    /// How many seconds to wait for the answer.
    #[arg(long, value_name = "SECONDS", default_value_t = 3)]
    timeout: u64,
}

/// Exits 0 if the relay answers that it is ready.
pub async fn run(args: Args, sources: &Sources) -> Result<ExitCode, Failure> {
    let address = match args.address {
        Some(address) => address,
        None => reachable(Settings::load(sources, Required::NOTHING)?.server.listen),
    };
    let asking = tokio::time::timeout(Duration::from_secs(args.timeout), ask(address));
    let answer = asking.await.with_context(|| format!("no answer from {address} in time"))?;
    let answer = answer.with_context(|| format!("can't ask {address}"))?;
    let mut page = Output::default();
    page.line(answer);
    page.print()?;
    Ok(ExitCode::SUCCESS)
}

/// One request by hand: a client library would be a hundred times the work of this every few
/// seconds, for as long as the container lives.
async fn ask(address: SocketAddr) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.take(64 * 1024).read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer is no HTTP")?;
    let status = head.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("200") {
        bail!("not ready: {status}: {body}");
    }
    Ok(body.to_owned())
}

/// Where a listener on all addresses is reached from this machine.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, listen.port())
}
