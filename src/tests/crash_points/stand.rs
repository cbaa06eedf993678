//! The destination: the sandbox over HTTP, behind a door for each process, which sees every
//! request arrive and take effect and can make it go wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;
use tower::ServiceExt;
use url::Url;

use super::Life;
use super::parts::Ticking;

/// The fate of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    /// This answer and no effect.
    Refused(u16),
    /// The effect, and a balancer's word that the answer was lost.
    Lost,
    /// The effect, and the answer only when the lease has ended and the call came again.
    Late,
}

/// The sandbox, which outlives the processes.
pub(super) struct Stand {
    sandbox: Router,
    runtime: Runtime,
}

/// The way of one process to the sandbox.
pub(super) struct Door {
    pub(super) life: Life,
    pub(super) faults: Vec<(usize, Fault)>,
    pub(super) clock: Arc<Ticking>,
    pub(super) notify: Arc<Notify>,
}

struct Passage {
    door: Door,
    sandbox: Router,
    requests: AtomicUsize,
    came_again: Notify,
}

impl Stand {
    pub(super) fn new() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        Self { sandbox: crate::sandbox::router(), runtime }
    }

    /// Opens a door; where it is.
    pub(super) fn open(&self, door: Door) -> Url {
        let sandbox = self.sandbox.clone();
        let (requests, came_again) = (AtomicUsize::new(0), Notify::new());
        let passage = Arc::new(Passage { door, sandbox, requests, came_again });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(pass).with_state(passage);
        self.runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            axum::serve(listener, router).await
        });
        Url::parse(&format!("http://{address}")).unwrap()
    }

    /// Returns the content of the sandbox.
    pub(super) fn read(&self, name: &str) -> Vec<Value> {
        let request = Request::get(format!("/sandbox/{name}")).body(Body::empty()).unwrap();
        let shown = self.runtime.block_on(async {
            let response = self.sandbox.clone().oneshot(request).await.unwrap();
            to_bytes(response.into_body(), usize::MAX).await.unwrap()
        });
        let mut shown: Value = serde_json::from_slice(&shown).unwrap();
        serde_json::from_value(shown[name].take()).unwrap()
    }

    /// Ends it, without waiting for what never ends.
    pub(super) fn end(self) {
        self.runtime.shutdown_background();
    }
}

async fn pass(State(passage): State<Arc<Passage>>, request: Request) -> Response {
    let Passage { door, sandbox, requests, came_again } = &*passage;
    let number = requests.fetch_add(1, Ordering::Relaxed);
    let fault_of = |number| door.faults.iter().find(|(at, _)| *at == number).map(|(_, it)| *it);
    alive(&door.life, "a request arrived").await;
    if number > 0 && fault_of(number - 1) == Some(Fault::Late) {
        came_again.notify_one();
    }
    let fault = fault_of(number);
    if let Some(Fault::Refused(status)) = fault {
        let body = r#"{"meta":{"errors":["a scripted fault"]}}"#;
        return (StatusCode::from_u16(status).unwrap(), body).into_response();
    }
    let answer = sandbox.clone().oneshot(request).await.unwrap();
    alive(&door.life, "a request took effect").await;
    match fault {
        Some(Fault::Lost) => StatusCode::GATEWAY_TIMEOUT.into_response(),
        Some(Fault::Late) => {
            door.clock.skip(Duration::from_secs(3_600));
            door.notify.notify_one();
            came_again.notified().await;
            answer
        }
        _ => answer,
    }
}

/// Goes on only while the process lives; the dead get no answer.
async fn alive(life: &Life, what: &'static str) {
    if !life.moment(what) {
        std::future::pending::<()>().await;
    }
}
