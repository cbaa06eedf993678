//! The official libraries of both services against the stand-ins. Where a library fails, the stand-in
//! isn't what the service is.

use std::path::PathBuf;
use std::process::Command;

use crate::kit::http;
use crate::kit::libraries::Libraries;
use crate::kit::sandbox::Sandbox;
use crate::kit::server::{Port, Response};

fn script(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/sdk").join(name)
}

#[track_caller]
fn succeeds(command: &mut Command) {
    let output = command.output().unwrap();
    let written = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&written));
}

#[test]
fn customerios_node_library_finds_the_track_api() {
    let libraries = Libraries::installed();
    let sandbox = Sandbox::start();
    let mut node = Command::new("node");
    node.env("CUSTOMERIO_NODE", libraries.node.join("customerio-node"));
    succeeds(node.arg(script("track_api.mjs")).arg(sandbox.url()));
}

#[test]
fn customerios_python_library_finds_the_track_api() {
    let libraries = Libraries::installed();
    let sandbox = Sandbox::start();
    // This library speaks TLS only.
    let port = Port::encrypted();
    let folder = tempfile::tempdir().unwrap();
    let certificate = folder.path().join("certificate.pem");
    std::fs::write(&certificate, port.certificate()).unwrap();
    let address = port.origin().replace("https://127.0.0.1:", "");
    let upstream = sandbox.url();
    port.serve(move |request| {
        let method = request.method.parse().unwrap();
        let mut forwarded = http::client().request(method, format!("{upstream}{}", request.target));
        for name in ["authorization", "content-type", "user-agent"] {
            forwarded = forwarded.header(name, request.header(name));
        }
        let answer = http::send(forwarded.body(request.body.clone()));
        let headers = vec![("Content-Type", answer.header("content-type").to_owned())];
        Response { status: answer.status, headers, body: answer.body }
    });
    let mut python = Command::new("python3");
    python.env("PYTHONPATH", libraries.python).env("REQUESTS_CA_BUNDLE", certificate);
    let arguments = ["localhost", &address, &sandbox.url()];
    succeeds(python.arg(script("track_api.py")).args(arguments));
}

#[test]
fn growsurfs_python_library_finds_the_api_in_its_own_strict_types() {
    let libraries = Libraries::installed();
    let sandbox = Sandbox::start();
    let mut python = Command::new("python3");
    python.env("PYTHONPATH", libraries.python).env("NO_PROXY", "127.0.0.1");
    succeeds(python.arg(script("growsurf_api.py")).arg(sandbox.url()));
}
