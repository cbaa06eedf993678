//! A shop's page with the relay's script and a stand-in GrowSurf on it; and a server that records
//! the script's posts.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::server::{Port, Request, Response};

/// The campaign's key on the page.
pub const PAGE_KEY: &str = "pk_spring";

/// The page, on a server of its own.
pub struct Shop {
    origin: String,
    page: Arc<Mutex<Page>>,
}

struct Page {
    attributes: String,
    early: String,
    late: String,
    participants: BTreeSet<String>,
    sign_ups: Vec<Value>,
}

impl Shop {
    /// Opens it, with the script from there. For each new sign-up at GrowSurf it calls
    /// `joined` with the data: `id`, `email`, `referredBy` if referred, and `metadata`.
    pub fn open(
        port: Port,
        relay: String,
        joined: impl Fn(&Value) + Send + Sync + 'static,
    ) -> Self {
        let page = Page {
            attributes: format!("data-key=\"{PAGE_KEY}\""),
            early: String::new(),
            late: String::new(),
            participants: BTreeSet::new(),
            sign_ups: Vec::new(),
        };
        let (origin, page) = (port.origin(), Arc::new(Mutex::new(page)));
        let shown = Arc::clone(&page);
        port.serve(move |request| match request.path.as_str() {
            "/growsurf.js" => {
                Response::of("text/javascript", include_str!("shop/growsurf.js").to_owned())
            }
            "/growsurf/participants" => sign_up(&shown, request, &joined),
            _ => Response::of("text/html", shown.lock().unwrap().html(&relay)),
        });
        Self { origin, page }
    }

    /// Returns an address of the page.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// Returns the same by another name of this machine.
    pub fn url_at(&self, host: &str, path: &str) -> String {
        self.url(path).replace("127.0.0.1", host)
    }

    /// Gives the script's tag these attributes beside its key.
    pub fn tag(&self, attributes: &str) {
        self.page.lock().unwrap().attributes = format!("data-key=\"{PAGE_KEY}\" {attributes}");
    }

    /// Gives the script's tag these attributes and no key.
    pub fn whole_tag(&self, attributes: &str) {
        attributes.clone_into(&mut self.page.lock().unwrap().attributes);
    }

    /// Makes the page wait for the relay's script and run this one after it.
    pub fn late(&self, script: &str) {
        script.clone_into(&mut self.page.lock().unwrap().late);
    }

    /// Runs this script before the relay's.
    pub fn early(&self, script: &str) {
        script.clone_into(&mut self.page.lock().unwrap().early);
    }

    /// Adds a participant who has joined before.
    pub fn knows(&self, email: &str) {
        self.page.lock().unwrap().participants.insert(email.to_owned());
    }

    /// Returns the data of every sign-up at GrowSurf.
    pub fn sign_ups(&self) -> Vec<Value> {
        self.page.lock().unwrap().sign_ups.clone()
    }
}

impl Page {
    fn html(&self, relay: &str) -> String {
        let page = include_str!("shop/page.html");
        let page = page.replace("{relay}", relay).replace("{attributes}", &self.attributes);
        let waiting = if self.late.is_empty() { "async" } else { "" };
        let page = page.replace("{async}", waiting).replace("{late}", &self.late);
        page.replace("{early}", &self.early)
    }
}

fn sign_up(page: &Mutex<Page>, request: &Request, joined: impl Fn(&Value)) -> Response {
    let mut joiner: Value = serde_json::from_str(&request.body).unwrap();
    let email = joiner["email"].as_str().unwrap().to_owned();
    let id = email.split('@').next().unwrap().to_owned();
    joiner["id"] = json!(id);
    let is_new = {
        let mut page = page.lock().unwrap();
        page.sign_ups.push(joiner.clone());
        page.participants.insert(email.clone())
    };
    if is_new {
        joined(&joiner);
    }
    let shown = json!({"id": id, "email": email, "isNew": is_new});
    Response::of("application/json", shown.to_string())
}

/// A server in the relay's place.
pub struct Recorder {
    origin: String,
    received: Arc<Mutex<Received>>,
}

#[derive(Default)]
struct Received {
    posts: Vec<Request>,
    /// The answers to the next posts, instead of 202.
    answers: VecDeque<u16>,
}

impl Recorder {
    /// Starts a server that has the script.
    pub fn start() -> Self {
        let (port, received) = (Port::free(), Arc::<Mutex<Received>>::default());
        let (origin, kept) = (port.origin(), Arc::clone(&received));
        port.serve(move |request| {
            if request.path == "/relay.js" {
                let script = include_str!("../../src/http/page/relay.js");
                return Response::of("text/javascript", script.to_owned());
            }
            let mut received = kept.lock().unwrap();
            received.posts.push(request.clone());
            let mut response = Response::status(received.answers.pop_front().unwrap_or(202));
            let origin = request.header("origin").to_owned();
            response.headers.push(("Access-Control-Allow-Origin", origin));
            response
        });
        Self { origin, received }
    }

    /// Returns its URL.
    pub fn url(&self) -> String {
        self.origin.clone()
    }

    /// Sets the answers to the next posts; later ones get 202.
    pub fn answers(&self, statuses: &[u16]) {
        self.received.lock().unwrap().answers.extend(statuses);
    }

    /// Returns all that came but the script's own loading.
    pub fn requests(&self) -> Vec<Request> {
        self.received.lock().unwrap().posts.clone()
    }

    /// Returns the bodies of what was posted to this path.
    #[track_caller]
    pub fn bodies(&self, path: &str) -> Vec<Value> {
        let posts = self.requests().into_iter().filter(|request| request.path == path);
        posts.map(|request| serde_json::from_str(&request.body).unwrap()).collect()
    }
}
