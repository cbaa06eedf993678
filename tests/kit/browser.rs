//! Headless Chromium, driven through `WebDriver` (<https://www.w3.org/TR/webdriver2/>).

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::{Value, json};

use super::http::{self as client, Answer};

/// The driver and its browsers, which end with the test.
pub struct Chromium {
    _keeper: Child,
    /// The driver is kept as long as this is open.
    _open: ChildStdin,
    driver: String,
    program: String,
    folder: PathBuf,
}

/// The state of a browser.
#[derive(Default)]
pub struct Habits {
    /// It sends the signal "Do Not Track".
    pub do_not_track: bool,
    /// Names that it finds at this machine, such as `*.example.com`.
    pub hosts: &'static str,
    /// It runs no scripts of pages.
    pub no_script: bool,
}

impl Chromium {
    /// Starts the driver. Installs both programs, if they are missing; panics if it can't.
    pub fn start() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kit/chromium.sh");
        let mut keeper = Command::new("bash")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let open = keeper.stdin.take().unwrap();
        let mut said = BufReader::new(keeper.stdout.take().unwrap()).lines();
        let mut line = || said.next().expect("the script failed and said why").unwrap();
        let driver = format!("http://127.0.0.1:{}", line());
        let (program, folder) = (line(), PathBuf::from(line()));
        Self { _keeper: keeper, _open: open, driver, program, folder }
    }

    /// Returns a browser that has never been anywhere.
    #[track_caller]
    pub fn browser(&self) -> Browser {
        self.browser_with(&Habits::default())
    }

    /// Returns the same with habits.
    #[track_caller]
    pub fn browser_with(&self, habits: &Habits) -> Browser {
        let profile = tempfile::tempdir_in(&self.folder).unwrap().keep();
        let hosts = match habits.hosts {
            "" => String::new(),
            hosts => format!("MAP {hosts} 127.0.0.1"),
        };
        // What only the internet has, and the sandbox that root may not have, is left out.
        let options = json!({
            "binary": self.program,
            "args": [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--disable-dev-shm-usage", "--no-proxy-server", "--window-size=1000,800",
                format!("--host-resolver-rules={hosts}"),
                format!("--user-data-dir={}", profile.display()),
            ],
            "prefs": {
                "enable_do_not_track": habits.do_not_track,
                "profile.managed_default_content_settings.javascript":
                    if habits.no_script { 2 } else { 1 },
            },
        });
        // The certificates of tests are nobody's.
        let wanted = json!({
            "acceptInsecureCerts": true,
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"},
        });
        let wanted = json!({"capabilities": {"alwaysMatch": wanted}});
        let made = command(Method::POST, &format!("{}/session", self.driver), &wanted);
        let id = made["sessionId"].as_str().unwrap();
        Browser { session: format!("{}/session/{id}", self.driver) }
    }
}

/// A browser with one window.
pub struct Browser {
    session: String,
}

impl Browser {
    #[track_caller]
    fn post(&self, path: &str, body: &Value) -> Value {
        command(Method::POST, &format!("{}/{path}", self.session), body)
    }

    #[track_caller]
    fn get(&self, path: &str) -> Value {
        command(Method::GET, &format!("{}/{path}", self.session), &Value::Null)
    }

    /// Opens a page and waits until all of it has been loaded, scripts as well.
    #[track_caller]
    pub fn open(&self, url: &str) {
        self.post("url", &json!({ "url": url }));
    }

    /// Loads the page again.
    #[track_caller]
    pub fn reload(&self) {
        self.post("refresh", &json!({}));
    }

    /// Runs a script in the page, as the body of a function, and gives what it returns; of a promise,
    /// what becomes of it.
    #[track_caller]
    pub fn run(&self, script: &str) -> Value {
        self.post("execute/sync", &json!({"script": script, "args": []}))
    }

    /// Clicks on the first element of this CSS selector, as a visitor does.
    #[track_caller]
    pub fn click(&self, selector: &str) {
        let element = self.element(selector);
        self.post(&format!("element/{element}/click"), &json!({}));
    }

    /// Types into the first element of this CSS selector.
    #[track_caller]
    pub fn fill(&self, selector: &str, text: &str) {
        let element = self.element(selector);
        self.post(&format!("element/{element}/value"), &json!({ "text": text }));
    }

    #[track_caller]
    fn element(&self, selector: &str) -> String {
        let found = self.post("element", &json!({"using": "css selector", "value": selector}));
        let reference = found.as_object().unwrap().values().next().unwrap();
        reference.as_str().unwrap().to_owned()
    }

    /// Shows pages in a window of this size, and in `light` or `dark` colours.
    #[track_caller]
    pub fn look(&self, width: u32, height: u32, scheme: &str) {
        let scheme = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.debug("Emulation.setEmulatedMedia", &json!({ "features": scheme }));
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.debug("Emulation.setDeviceMetricsOverride", &size);
    }

    /// Gives Chromium's debugger a command.
    #[track_caller]
    fn debug(&self, command: &str, parameters: &Value) {
        self.post("goog/cdp/execute", &json!({"cmd": command, "params": parameters}));
    }

    /// Presses keys one after the other, wherever the focus is.
    #[track_caller]
    pub fn press(&self, keys: &str) {
        let keys = keys.chars().flat_map(|key| {
            ["keyDown", "keyUp"].map(|kind| json!({"type": kind, "value": key.to_string()}))
        });
        let keys: Vec<Value> = keys.collect();
        let actions = json!([{"type": "key", "id": "keyboard", "actions": keys}]);
        self.post("actions", &json!({ "actions": actions }));
    }

    /// Returns the text, or else the name, of the element that has the focus.
    #[track_caller]
    pub fn focused(&self) -> String {
        let element = self.get("element/active");
        let reference = element.as_object().unwrap().values().next().unwrap();
        let element = format!("element/{}", reference.as_str().unwrap());
        let text = self.get(&format!("{element}/text")).as_str().unwrap().to_owned();
        if !text.is_empty() {
            return text;
        }
        let name = self.get(&format!("{element}/attribute/name"));
        name.as_str().unwrap_or_default().to_owned()
    }

    /// Returns the text of the first element of this CSS selector.
    #[track_caller]
    pub fn text(&self, selector: &str) -> String {
        let element = self.element(selector);
        self.get(&format!("element/{element}/text")).as_str().unwrap().to_owned()
    }

    /// Returns the address of the page.
    #[track_caller]
    pub fn url(&self) -> String {
        self.get("url").as_str().unwrap().to_owned()
    }

    /// Returns the page's document as text.
    #[track_caller]
    pub fn source(&self) -> String {
        self.get("source").as_str().unwrap().to_owned()
    }

    /// Returns what was complained of since the last time: errors of scripts and of the network, and
    /// breaches of the page's policy.
    #[track_caller]
    pub fn console(&self) -> Vec<String> {
        let entries = self.post("se/log", &json!({"type": "browser"}));
        let entries = entries.as_array().unwrap().iter();
        let wrong = entries
            .filter(|entry| ["WARNING", "SEVERE"].map(Value::from).contains(&entry["level"]));
        wrong.map(|entry| entry["message"].as_str().unwrap().to_owned()).collect()
    }

    /// Returns the cookies that the browser would send to the page.
    #[track_caller]
    pub fn cookies(&self) -> Vec<Value> {
        serde_json::from_value(self.get("cookie")).unwrap()
    }

    /// Writes a picture of the page as PNG.
    #[track_caller]
    pub fn picture(&self, file: &Path) {
        let picture = self.get("screenshot");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, STANDARD.decode(picture.as_str().unwrap()).unwrap()).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ended = client::try_send(client::client().delete(&self.session));
    }
}

/// Gives the driver a command, which must work.
#[track_caller]
fn command(method: Method, url: &str, body: &Value) -> Value {
    let request = client::client().request(method.clone(), url);
    let request = if method == Method::GET { request } else { request.json(body) };
    let answer: Answer = client::send(request);
    assert_eq!(answer.status, 200, "{method} {url} {body}: {}", answer.body);
    answer.json()["value"].take()
}
