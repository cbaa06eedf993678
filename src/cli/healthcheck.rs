//! `referral-relay healthcheck`: the readiness of a running relay, or of a stand-in that runs alone.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::output::Output;
use super::sandbox::default_address;
use crate::config::sources::Sources;
use crate::config::{Required, Settings};

/// Longer answers are cut; the metrics are the longest.
const MAX_ANSWER: u64 = 1024 * 1024;

/// Arguments of `healthcheck`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Address and port to ask. The default is server.listen on this machine; if nothing listens there,
    /// `RELAY_SANDBOX_LISTEN`.
    #[arg(long, value_name = "ADDR")]
    address: Option<SocketAddr>,
    /// Seconds to wait for the answer.
    #[arg(long, value_name = "SECONDS", default_value_t = 3)]
    timeout: u64,
}

/// Exits 0 if the relay or stand-in answers that it is ready.
pub async fn run(args: Args, sources: &Sources) -> anyhow::Result<ExitCode> {
    let (address, stand_in) = match args.address {
        Some(address) => (address, None),
        None => {
            let settings = Settings::load(sources, Required::Nothing)?;
            (settings.server.listen, default_address(sources)?)
        }
    };
    let request = async {
        match (get(reachable(address), "/health").await, stand_in) {
            (Err(error), Some(stand_in)) if is_refused(&error) => {
                get(reachable(stand_in), "/health").await
            }
            (answered, _) => answered,
        }
    };
    let answer = tokio::time::timeout(Duration::from_secs(args.timeout), request).await;
    let answer = answer.with_context(|| format!("no answer from {address} in time"))?;
    let mut output = Output::default();
    output.line(answer?);
    output.print()?;
    Ok(ExitCode::SUCCESS)
}

/// Sends a GET request and returns the body of a 200.
///
/// Without a client library, which would cost a hundred times as much every few seconds.
pub async fn get(address: SocketAddr, path: &str) -> anyhow::Result<String> {
    let context = || format!("can't reach {address}");
    let mut stream = TcpStream::connect(address).await.with_context(context)?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.with_context(context)?;
    let mut answer = String::new();
    stream.take(MAX_ANSWER).read_to_string(&mut answer).await.with_context(context)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer isn't HTTP")?;
    let status = head.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("200") {
        bail!("{address} isn't ready: {status}: {body}");
    }
    Ok(body.to_owned())
}

/// Returns true if nothing listens there.
fn is_refused(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}

/// Returns an address of this machine that leads to a listener.
pub fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, listen.port())
}
