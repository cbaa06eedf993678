//! The contract on Postgres, and promises that only this backend makes.

#[expect(dead_code, reason = "the tests of the service use more of it")]
#[path = "../../../tests/kit/postgres.rs"]
mod kit;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use secrecy::SecretString;
use tokio::sync::{Notify, OnceCell};
use tokio_postgres::{Client, NoTls};

use crate::domain::Time;
use crate::store::contract::script::{Script, at, redact};
use crate::store::contract::{Bench, contract_tests};
use crate::store::{Stats, Store};

use super::transaction::Ruling;
use super::{PostgresStore, ServerOptions};

contract_tests!(Schema::new());

/// A schema of its own in the database that all tests share.
struct Schema {
    url: String,
    client: OnceCell<Client>,
}

impl Schema {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        static DATABASE: OnceLock<kit::Database> = OnceLock::new();
        let database = DATABASE.get_or_init(|| kit::Cluster::shared().database());
        let schema = format!("s{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let url = format!("{}&options=-csearch_path%3D{schema}", database.url());
        Self { url, client: OnceCell::new() }
    }

    /// A connection of the test's own; the first makes the schema.
    async fn client(&self) -> &Client {
        let connect = || async {
            let (client, connection) = tokio_postgres::connect(&self.url, NoTls).await.unwrap();
            tokio::spawn(connection);
            let schema = "DO $$ BEGIN EXECUTE 'CREATE SCHEMA IF NOT EXISTS ' ||
                current_setting('search_path'); END $$";
            client.batch_execute(schema).await.unwrap();
            client
        };
        self.client.get_or_init(connect).await
    }

    async fn open_postgres(&self) -> PostgresStore {
        self.client().await;
        // A seed of its own for each opening, to show that only the first one counts.
        let seed = std::array::from_fn(|_| fastrand::u8(1..));
        let options = ServerOptions {
            ruling: Ruling::Caller,
            connections: 4,
            ..ServerOptions::new(seed, at(0), redact, Arc::new(Notify::new()))
        };
        let url = SecretString::from(self.url.as_str());
        PostgresStore::connect(&url, Arc::new(Script), options).await.unwrap()
    }
}

#[async_trait]
impl Bench for Schema {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(self.open_postgres().await)
    }

    async fn count(&self) -> Stats {
        let contradictions = "SELECT
            (SELECT COUNT(*) FROM lanes WHERE (due_at IS NOT NULL) <> EXISTS
                (SELECT 1 FROM deliveries WHERE lane = lanes.id AND state = 0))
            + (SELECT COUNT(*) FROM lanes WHERE due_at IS NULL AND leased)
            + (SELECT COUNT(*) FROM deliveries WHERE (state = 2) <> EXISTS
                (SELECT 1 FROM dead_letters WHERE delivery = deliveries.id))
            + (SELECT COUNT(*) FROM attempts WHERE NOT EXISTS
                (SELECT 1 FROM deliveries WHERE deliveries.id = delivery))
            + (SELECT COUNT(*) FROM dead_letters WHERE NOT EXISTS
                (SELECT 1 FROM deliveries WHERE deliveries.id = delivery))
            + (SELECT COUNT(*) FROM deliveries JOIN lanes ON lanes.id = lane
                WHERE seq >= next_seq)
            + (SELECT COUNT(*) FROM deliveries WHERE NOT EXISTS
                (SELECT 1 FROM lanes WHERE lanes.id = lane))
            + (SELECT COUNT(*) FROM lanes WHERE NOT EXISTS
                (SELECT 1 FROM people WHERE people.id = lanes.id))
            + (SELECT COUNT(*) FROM participants WHERE NOT EXISTS
                (SELECT 1 FROM people WHERE people.id = person))
            + (SELECT COUNT(*) FROM people WHERE state = '')";
        let sql = format!(
            "SELECT ({contradictions}),
                (SELECT COUNT(*) FROM deliveries WHERE state = 0),
                (SELECT COUNT(*) FROM dead_letters),
                (SELECT COUNT(*) FROM inbox WHERE parked IS NOT NULL),
                (SELECT MIN(planned_at) FROM deliveries WHERE state = 0)"
        );
        let row = self.client().await.query_one(&sql, &[]).await.unwrap();
        let number = |place| u64::try_from(row.get::<_, i64>(place)).unwrap();
        assert_eq!(number(0), 0);
        Stats {
            pending: number(1),
            dead: number(2),
            parked: number(3),
            oldest_pending: row.get::<_, Option<i64>>(4).map(Time::from_micros),
        }
    }
}
