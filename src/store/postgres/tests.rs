//! The contract on Postgres, and promises that only this backend makes.

#[expect(dead_code, reason = "the tests of the service use more of it")]
#[path = "../../../tests/kit/postgres.rs"]
mod kit;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use tokio::sync::OnceCell;
use tokio_postgres::{Client, NoTls};

use crate::clock::SystemRandom;
use crate::domain::Time;
use crate::store::contract::script::{Script, at};
use crate::store::contract::{Bench, contract_tests};
use crate::store::{Stats, Store, StoreError, StoreLocation};

use super::transaction::ClockSource;
use super::{ConnectionOptions, PostgresStore, ServerOptions};

contract_tests!(Schema::new());
contract_tests! { @ Schema::new(),
    cluster::relays_know_each_other_until_one_says_nothing_more,
    cluster::a_job_is_one_relays_until_it_is_over,
}

/// A schema of its own in the database that all tests share.
pub(crate) struct Schema {
    url: String,
    client: OnceCell<Client>,
}

impl Schema {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        static DATABASE: OnceLock<kit::Database> = OnceLock::new();
        let database = DATABASE.get_or_init(|| kit::Cluster::shared().database());
        let schema = format!("s{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let url = format!("{}&options=-csearch_path%3D{schema}", database.url());
        Self { url, client: OnceCell::new() }
    }

    /// Returns a connection of the test's own; the first makes the schema.
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

    async fn open_postgres(&self) -> Store {
        self.client().await;
        PostgresStore::connect(&self.url(), Arc::new(Script), Self::options()).await.unwrap()
    }

    fn url(&self) -> SecretString {
        SecretString::from(self.url.as_str())
    }

    fn options() -> ServerOptions {
        // A seed of its own for each opening, to show that only the first one counts.
        let seed = std::array::from_fn(|_| fastrand::u8(1..));
        ServerOptions {
            ruling: ClockSource::Caller,
            connection: ConnectionOptions { connections: 4, ..ConnectionOptions::default() },
            ..ServerOptions::new(seed, at(0), Arc::default(), Arc::new(SystemRandom))
        }
    }
}

#[async_trait]
impl Bench for Schema {
    async fn open(&self) -> Arc<Store> {
        Arc::new(self.open_postgres().await)
    }

    async fn place(&self) -> StoreLocation {
        self.client().await;
        StoreLocation::Server(self.url(), Self::options())
    }

    async fn count(&self) -> Stats {
        let contradictions = "SELECT
            (SELECT COUNT(*) FROM lanes WHERE (due_at IS NOT NULL) <> EXISTS
                (SELECT 1 FROM deliveries WHERE lane = lanes.id AND state = 0))
            + (SELECT COUNT(*) FROM lanes WHERE due_at IS NULL AND leased)
            + (SELECT COUNT(*) FROM deliveries WHERE (state = 2) <> (state <> 0 AND EXISTS
                (SELECT 1 FROM dead_letters WHERE delivery / 2 = deliveries.id)))
            + (SELECT COUNT(*) FROM deliveries WHERE identify_dead <> EXISTS
                (SELECT 1 FROM dead_letters WHERE delivery = 2 * deliveries.id))
            + (SELECT COUNT(*) FROM attempts WHERE NOT EXISTS
                (SELECT 1 FROM deliveries WHERE deliveries.id = delivery / 2))
            + (SELECT COUNT(*) FROM dead_letters WHERE NOT EXISTS
                (SELECT 1 FROM deliveries WHERE deliveries.id = delivery / 2))
            + (SELECT COUNT(*) FROM deliveries JOIN lanes ON lanes.id = lane
                WHERE seq >= next_seq)
            + (SELECT COUNT(*) FROM lanes WHERE class <> COALESCE(
                (SELECT MIN(class) FROM deliveries WHERE lane = lanes.id AND state = 0),
                GREATEST(class, 2)))
            + (SELECT COUNT(*) FROM deliveries WHERE NOT EXISTS
                (SELECT 1 FROM lanes WHERE lanes.id = lane))
            + (SELECT COUNT(*) FROM lanes WHERE NOT EXISTS
                (SELECT 1 FROM people WHERE people.id = lanes.id))
            + (SELECT COUNT(*) FROM participants WHERE NOT EXISTS
                (SELECT 1 FROM people WHERE people.id = person))
            + (SELECT COUNT(*) FROM links WHERE NOT EXISTS
                (SELECT 1 FROM people WHERE people.id = person))
            + (SELECT COUNT(*) FROM people WHERE state = '')";
        let sql = format!(
            "SELECT ({contradictions}),
                (SELECT COUNT(*) + COUNT(CASE WHEN NOT identify_dead THEN identify END)
                 FROM deliveries WHERE state = 0),
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_takes_too_long_is_ended_and_the_next_one_goes_on() {
    let schema = Schema::new();
    let store = schema.open_postgres().await.bounded(2, Duration::from_millis(100));
    let client = schema.client().await;
    client.batch_execute("BEGIN; LOCK TABLE traffic IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let slow = store.traffic(at(0)).await;
    assert!(matches!(slow, Err(StoreError::TooSlow { .. })), "{slow:?}");
    client.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(store.traffic(at(0)).await.unwrap(), []);
}
