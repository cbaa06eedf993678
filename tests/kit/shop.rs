//! A shop's page with the relay's script and a stand-in GrowSurf on it; and a server that writes down
//! what the script tells, where a test wants to see just that.

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
    /// Opens it, with the script from there. Whenever somebody new signs up at GrowSurf, `joined` is
    /// told what GrowSurf was: `id`, `email`, `referredBy` if somebody did, and `metadata`.
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

    /// An address of the page.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// The same by another name of this machine.
    pub fn url_at(&self, host: &str, path: &str) -> String {
        self.url(path).replace("127.0.0.1", host)
    }

    /// From now on the script's tag has these attributes beside its key.
    pub fn tag(&self, attributes: &str) {
        self.page.lock().unwrap().attributes = format!("data-key=\"{PAGE_KEY}\" {attributes}");
    }

    /// From now on the script's tag has these attributes and no key of itself.
    pub fn whole_tag(&self, attributes: &str) {
        attributes.clone_into(&mut self.page.lock().unwrap().attributes);
    }

    /// From now on the page waits for the relay's script, and this one comes after it.
    pub fn late(&self, script: &str) {
        script.clone_into(&mut self.page.lock().unwrap().late);
    }

    /// From now on this script runs before the relay's.
    pub fn early(&self, script: &str) {
        script.clone_into(&mut self.page.lock().unwrap().early);
    }

    /// Somebody takes part already.
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
    let mut told: Value = serde_json::from_str(&request.body).unwrap();
    let email = told["email"].as_str().unwrap().to_owned();
    let id = email.split('@').next().unwrap().to_owned();
    told["id"] = json!(id);
    let is_new = {
        let mut page = page.lock().unwrap();
        page.sign_ups.push(told.clone());
        page.participants.insert(email.clone())
    };
    if is_new {
        joined(&told);
    }
    let shown = json!({"id": id, "email": email, "isNew": is_new});
    Response::of("application/json", shown.to_string())
}

/// A server in the relay's place.
pub struct Recorder {
    origin: String,
    told: Arc<Mutex<Received>>,
}

#[derive(Default)]
struct Received {
    posts: Vec<Request>,
    /// The answers to the next posts, instead of 202.
    answers: VecDeque<u16>,
}

impl Recorder {
    /// One that has the script.
    pub fn start() -> Self {
        let (port, told) = (Port::free(), Arc::<Mutex<Received>>::default());
        let (origin, kept) = (port.origin(), Arc::clone(&told));
        port.serve(move |request| {
            if request.path == "/relay.js" {
                let script = include_str!("../../src/http/page/relay.js");
                return Response::of("text/javascript", script.to_owned());
            }
            let mut told = kept.lock().unwrap();
            told.posts.push(request.clone());
            let mut response = Response::status(told.answers.pop_front().unwrap_or(202));
            let origin = request.header("origin").to_owned();
            response.headers.push(("Access-Control-Allow-Origin", origin));
            response
        });
        Self { origin, told }
    }

    /// Returns its URL.
    pub fn url(&self) -> String {
        self.origin.clone()
    }

    /// The next posts are answered so; what comes after them, 202.
    pub fn answers(&self, statuses: &[u16]) {
        self.told.lock().unwrap().answers.extend(statuses);
    }

    /// All that came but the script's own loading.
    pub fn requests(&self) -> Vec<Request> {
        self.told.lock().unwrap().posts.clone()
    }

    /// The bodies of what was posted to this path.
    #[track_caller]
    pub fn told(&self, path: &str) -> Vec<Value> {
        let posts = self.requests().into_iter().filter(|request| request.path == path);
        posts.map(|request| serde_json::from_str(&request.body).unwrap()).collect()
    }
}
