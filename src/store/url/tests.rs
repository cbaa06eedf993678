//! Tests of the URL of a store.

use std::path::Path;

use proptest::prelude::{any, proptest};
use secrecy::ExposeSecret;

use super::StoreUrl;

#[test]
fn names_a_file() {
    for (text, path) in [
        ("sqlite:data/relay.db", "data/relay.db"),
        ("sqlite:/data/relay.db", "/data/relay.db"),
        ("sqlite:///data/relay.db", "/data/relay.db"),
        ("sqlite://data/relay.db", "data/relay.db"),
    ] {
        assert_eq!(text.parse::<StoreUrl>().unwrap().file(), Some(Path::new(path)));
    }
}

#[test]
fn refuses_the_rest() {
    for (text, why) in [
        ("", "such as"),
        ("data/relay.db", "such as"),
        ("sqlite:", "such as"),
        ("sqlite:data/", "such as"),
        ("sqlite:a.db?mode=ro", "such as"),
        ("sqlite::memory:", "forget"),
        ("host=db user=relay password=hush", "such as"),
        ("sqlite:postgres://u:hush@h/d", "a server without it"),
        ("sqlite://postgres://u:hush@h/d", "a server without it"),
        ("sqlite:postgres:/u:hush@h/d", "a server without it"),
        ("sqlite:/postgres://u:hush@h/d", "a server without it"),
        ("sqlite:postgresql://h/d?password=hush", "a server without it"),
        ("sqlite:mysql://u:hush@h/d", "a server without it"),
        ("sqlite:sqlite:data/relay.db", "a server without it"),
        ("sqlite:file:data/relay.db", "a server without it"),
        ("sqlite:u:hush@h/d", "a server without it"),
        ("sqlite:data/u:hush@h", "a server without it"),
        ("sqlite:host=db user=relay password=hush", "a server without it"),
        ("postgres:relay", "host"),
        ("postgres:///relay", "host"),
        ("postgresql://db.example.com", "name of a database"),
        ("postgres://u:p@h:port/db", "a URL of a Postgres database"),
        ("postgres://u:hu@sh@h/db", "%40"),
        ("postgres://u@h/db#hush", "%23"),
        ("postgres://u@h/db?sslmode=allow", "an sslmode of \"disable\""),
        ("postgres://u@h/db?sslrootcert=/ca.pem", "store.tls_ca_file"),
        ("postgres://u@h/db?passfile=/hush", "RELAY__STORE__PASSWORD_FILE"),
        ("postgres://u@h/db?sslcert=a&sslkey=b&sslpassword=hush", "aren't supported"),
        ("postgres://u@h/db?pool=8", "without the option \"pool\""),
        ("postgres://u@h/db?port=hush", "the driver can read"),
        ("postgres://u:hush@h/db?connect_timeout=soon", "connect_timeout"),
        ("postgres://u@h/db?hostaddr=hush", "hostaddr"),
        ("postgres://u@h:5433/db?port=5432", "2 ports for 1 hosts"),
        ("postgres://u@h/db?hostaddr=10.0.0.1,10.0.0.2", "2 hostaddr for 1 hosts"),
        ("postgres://h,/db", "a URL with a host"),
        ("postgres://u:hush@/db", "a URL with a host"),
        ("postgres://u:hush@h,:5432/db", "a URL of a Postgres database"),
        ("postgres://u:hush@h:5432,i:port/db", "a URL of a Postgres database"),
        ("postgres://u:hush@h,v:hush@i/db", "%40"),
        ("postgres:///db?host=h,i,j&port=1,2", "2 ports for 3 hosts"),
        ("postgres://u@h,i/db?target_session_attrs=standby", "because a relay writes"),
        ("postgres://u@h,i/db?target_session_attrs=hush", "because a relay writes"),
    ] {
        let error = text.parse::<StoreUrl>().unwrap_err().to_string();
        assert!(error.contains(why) && !error.contains("hush"), "{text}: {error}");
    }
}

#[test]
fn names_a_database_and_hides_its_password() {
    for (text, shown) in [
        (
            "postgres://relay:hush@db.example.com:5433/relay",
            "postgres://relay:...@db.example.com:5433/relay",
        ),
        (
            "postgres://relay@db.example.com/relay?password=hush&sslmode=require",
            "postgres://relay@db.example.com/relay?password=...&sslmode=require",
        ),
        ("postgres://r:h%40hush@localhost/r", "postgres://r:...@localhost/r"),
        (
            "postgres://r:hush@h1:5432,h2:5433/r?target_session_attrs=read-write",
            "postgres://r:...@h1:5432,h2:5433/r?target_session_attrs=read-write",
        ),
        ("postgres://r:hush@/r?host=h1,h2&port=1,2", "postgres://r:...@/r?host=h1,h2&port=1,2"),
        (
            "postgres:///r?host=h1,h2&port=1,2&user=r&password=hush",
            "postgres:///r?host=h1,h2&port=1,2&user=r&password=...",
        ),
    ] {
        let url: StoreUrl = text.parse().unwrap();
        assert_eq!(url.to_string(), shown);
        assert!(url.has_password());
        assert!(!format!("{url:?}").contains("hush"), "{url:?}");
        assert!(url.file().is_none());
    }
    assert!(!"postgres://relay@db/relay".parse::<StoreUrl>().unwrap().has_password());
}

#[test]
fn connections_to_other_machines_are_encrypted_by_default() {
    let url = |tail: &str| format!("postgres://relay@{tail}");
    for (tail, used, is_exposed) in [
        ("db.example.com/r", "db.example.com/r?sslmode=require", false),
        ("10.0.0.7:5433/r", "10.0.0.7:5433/r?sslmode=require", false),
        ("db/r?connect_timeout=5", "db/r?connect_timeout=5&sslmode=require", false),
        ("db/r?sslmode=verify-full", "db/r?sslmode=require", false),
        ("db/r?sslmode=verify-ca&user=relay", "db/r?user=relay&sslmode=require", false),
        ("db/r?ssl%6dode=disable", "db/r?sslmode=disable", true),
        ("db/r?sslmode=require&sslmode=disable", "db/r?sslmode=disable", true),
        ("db/r?sslmode=disable", "db/r?sslmode=disable", true),
        ("db/r?sslmode=prefer", "db/r?sslmode=prefer", true),
        ("localhost/r", "localhost/r?sslmode=prefer", false),
        ("127.0.0.1:5433/r", "127.0.0.1:5433/r?sslmode=prefer", false),
        ("[::1]/r", "[::1]/r?sslmode=prefer", false),
        ("%2Frun%2Fpostgresql/r", "%2Frun%2Fpostgresql/r?sslmode=prefer", false),
        ("localhost/r?sslmode=disable", "localhost/r?sslmode=disable", false),
        ("localhost/r?hostaddr=10.0.0.7", "localhost/r?hostaddr=10.0.0.7&sslmode=require", false),
        ("localhost,db/r", "localhost,db/r?sslmode=require", false),
        (
            "localhost:1,127.0.0.1:2,[::1]/r",
            "localhost:1,127.0.0.1:2,[::1]/r?sslmode=prefer",
            false,
        ),
        ("localhost:1,db:2/r?sslmode=disable", "localhost:1,db:2/r?sslmode=disable", true),
        (
            "h1:5432,h2:5433/r?target_session_attrs=read-write",
            "h1:5432,h2:5433/r?target_session_attrs=read-write&sslmode=require",
            false,
        ),
        ("h1,h2/r?target_session_attrs=primary", "h1,h2/r?sslmode=require", false),
        ("h1,h2/r?target_session_attrs=any", "h1,h2/r?sslmode=require", false),
        ("localhost.example.com/r", "localhost.example.com/r?sslmode=require", false),
        ("localhost/r?host=db", "localhost/r?host=db&sslmode=require", false),
    ] {
        let parsed: StoreUrl = url(tail).parse().unwrap();
        assert_eq!(parsed.server().unwrap().expose_secret(), url(used), "{tail}");
        assert_eq!(parsed.exposure().is_some(), is_exposed, "{tail}");
        // The driver reads it as well.
        assert!(url(used).parse::<tokio_postgres::Config>().is_ok(), "{used}");
    }
    let socket: StoreUrl = "postgresql:///relay?host=/run/postgresql".parse().unwrap();
    assert!(socket.server().unwrap().expose_secret().ends_with("&sslmode=prefer"));
    let listed: StoreUrl = "postgres:///relay?host=h1.example,h2&port=1,2".parse().unwrap();
    let used = "postgres:///relay?host=h1%2Eexample&host=h2&port=1,2&sslmode=require";
    assert_eq!(listed.server().unwrap().expose_secret(), used);
    let read: tokio_postgres::Config = used.parse().unwrap();
    assert_eq!((read.get_hosts().len(), read.get_ports()), (2, [1, 2].as_slice()));
}

proptest! {
    #[test]
    fn never_panics(text in any::<String>()) {
        let _ = text.parse::<StoreUrl>();
        let _ = format!("sqlite:{text}").parse::<StoreUrl>();
        let _ = format!("postgres://{text}").parse::<StoreUrl>();
    }
}
