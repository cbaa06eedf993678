//! The guide: a page for each topic, which rustdoc shows and `referral-relay guide` prints.

/// A page of the guide.
#[derive(Clone, Copy, Debug)]
pub struct Topic {
    /// The name on the command line.
    pub name: &'static str,
    /// The Markdown, which begins with a heading.
    pub page: &'static str,
}

impl Topic {
    /// Returns the heading of the page.
    pub fn title(&self) -> &'static str {
        self.page.lines().next().unwrap_or_default().trim_start_matches("# ")
    }
}

/// Declares the topics, each with its module and its file.
///
/// `links.txt` comes first: a link follows the first definition of its label. So rustdoc links the
/// modules, and GitHub the files that a page itself names at its end.
macro_rules! topics {
    ($($module:ident = $name:literal,)+) => {
        /// All pages, in the order of reading.
        pub const TOPICS: &[Topic] = &[$(Topic {
            name: $name,
            page: include_str!(concat!("docs/", $name, ".md")),
        }),+];

        $(
            #[doc = include_str!("docs/links.txt")]
            #[doc = include_str!(concat!("docs/", $name, ".md"))]
            pub mod $module {}
        )+
    };
}

topics! {
    install = "install",
    sandbox = "sandbox",
    events = "events",
    recipes = "recipes",
    insights = "insights",
    growsurf = "growsurf",
    reports = "reports",
    actions = "actions",
    pages = "pages",
    server_events = "server-events",
    settings = "settings",
    operating = "operating",
    operator_pages = "operator-pages",
    postgres = "postgres",
    erasing = "erasing",
    backups = "backups",
    performance = "performance",
    development = "development",
}
