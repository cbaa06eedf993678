//! A small HTTP server of a test's own, with TLS or without: one request a connection, answered by a
//! function.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;
use std::thread;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A request, as far as tests look at it.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The path and the query, as they came.
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Request {
    /// Returns a header's text, empty if it isn't there.
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(it, _)| it == name);
        found.map_or("", |(_, value)| value)
    }
}

/// An answer to be sent.
pub struct Response {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl Response {
    /// Returns a 200 with a body of this type.
    pub fn of(kind: &str, body: impl Into<String>) -> Self {
        let headers = vec![("Content-Type", format!("{kind}; charset=utf-8"))];
        Self { status: 200, headers, body: body.into() }
    }

    /// Returns a status alone.
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: String::new() }
    }
}

/// A port that is listened on, before it is known what is answered.
pub struct Port {
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    certificate: String,
}

impl Port {
    /// Returns a free one.
    pub fn free() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self { listener, tls: None, certificate: String::new() }
    }

    /// Returns the same for TLS, with a certificate that nobody trusts.
    pub fn encrypted() -> Self {
        let (config, certificate) = self_signed();
        Self { tls: Some(Arc::new(config)), certificate, ..Self::free() }
    }

    /// Returns the certificate, as PEM; empty without TLS.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Returns its address on this machine, without a slash at the end.
    pub fn origin(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.listener.local_addr().unwrap())
    }

    /// Answers by this from now on, until the test ends.
    pub fn serve(self, answer: impl Fn(&Request) -> Response + Send + Sync + 'static) {
        let answer = Arc::new(answer);
        thread::spawn(move || {
            for stream in self.listener.incoming().flatten() {
                let (answer, tls) = (Arc::clone(&answer), self.tls.clone());
                thread::spawn(move || {
                    // Browsers open connections that they never use.
                    let _ended = match tls {
                        None => exchange(stream, &*answer),
                        Some(tls) => {
                            let session = ServerConnection::new(tls).unwrap();
                            exchange(StreamOwned::new(session, stream), &*answer)
                        }
                    };
                });
            }
        });
    }
}

fn exchange(stream: impl Read + Write, answer: &dyn Fn(&Request) -> Response) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let Some(request) = read(&mut reader)? else { return Ok(()) };
    let Response { status, headers, body } = answer(&request);
    let mut head = format!("HTTP/1.1 {status} \r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += "Connection: close\r\n\r\n";
    reader.get_mut().write_all((head + &body).as_bytes())?;
    reader.get_mut().flush()
}

fn self_signed() -> (ServerConfig, String) {
    let folder = tempfile::tempdir().unwrap();
    let (key, certificate) = (folder.path().join("key.pem"), folder.path().join("certificate.pem"));
    let words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
        -subj /CN=page -addext subjectAltName=DNS:localhost";
    let mut openssl = Command::new("openssl");
    openssl.args(words.split_whitespace()).arg("-keyout").arg(&key).arg("-out").arg(&certificate);
    assert!(openssl.output().unwrap().status.success());
    let pem = std::fs::read_to_string(&certificate).unwrap();
    let chain = vec![CertificateDer::from_pem_file(certificate).unwrap()];
    let key = PrivateKeyDer::from_pem_file(key).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    (config.unwrap().with_no_client_auth().with_single_cert(chain, key).unwrap(), pem)
}

/// Reads a request; none if the connection ends before there is one.
fn read(reader: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let path = target.split('?').next().unwrap_or("");
    let (method, path, target) = (method.to_owned(), path.to_owned(), target.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut request = Request { method, path, target, headers, body: String::new() };
    let length = request.header("content-length").parse().unwrap_or(0);
    reader.take(length).read_to_string(&mut request.body)?;
    Ok(Some(request))
}
