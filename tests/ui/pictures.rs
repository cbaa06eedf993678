//! Pictures of the pages: kept with the build's other products, and in the guide.

use std::env;
use std::path::{Path, PathBuf};

use super::accessibility::log_in;
use super::filled;
use crate::kit::browser::Chromium;
use crate::kit::eventually;
use crate::kit::pages::{OPERATE, started};
use crate::kit::sandbox::Sandbox;

/// The pictures: their names in `src/docs/pictures`.
const PICTURES: [&str; 4] = ["overview", "person", "dead-letters", "setup"];

/// Returns the folder that pictures are written to. `RELAY_TEST_PICTURES=src/docs/pictures` renews the guide's.
fn folder() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let products = || Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("ci-artefacts");
    env::var_os("RELAY_TEST_PICTURES").map_or_else(products, |folder| root.join(folder))
}

#[test]
fn the_guide_shows_the_pages() {
    let sandbox = Sandbox::start();
    let relay = started(&sandbox);
    filled(&sandbox, &relay);
    let chromium = Chromium::start();
    let browser = chromium.browser();
    log_in(&browser, &relay, OPERATE);
    for picture in PICTURES {
        match picture {
            "person" => {
                browser.fill("#q", "rae@example.com");
                browser.click("[role=search] button");
                eventually("the person is shown", || browser.url().contains("/ui/people/"));
            }
            "dead-letters" => browser.open(&relay.url("/ui/dead")),
            "setup" => {
                browser.open(&relay.url("/ui/setup"));
                browser.click("form[action$=look] button");
                eventually("a check has run", || browser.source().contains("As of"));
            }
            _ => browser.open(&relay.url("/ui")),
        }
        browser.look(1000, 640, "light");
        let file = folder().join(format!("{picture}.png"));
        browser.picture(&file);
        assert_eq!(std::fs::read(&file).unwrap()[..4], *b"\x89PNG");
        let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/docs");
        let page = std::fs::read_to_string(guide.join("operator-pages.md")).unwrap();
        let shown = format!("pictures/{picture}.png");
        assert!(guide.join(&shown).is_file() && page.contains(&shown), "{shown}");
    }
}
