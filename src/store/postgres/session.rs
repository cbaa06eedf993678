//! The session: one connection that stays, for wake-ups and for showing that this relay lives.
//!
//! What belongs here: LISTEN, and the lock that every relay that delivers shares, and leaving a server
//! that went dark. The server lets go
//! of it when the relay dies, however it dies. What doesn't: leases, which keep relays apart whether
//! or not one is known to live. A pooler that gives every transaction another connection can't have
//! this; then lanes of the dead wait for the end of their leases, and wake-ups for the next look.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};
use tokio_postgres::{AsyncMessage, Client};
use tokio_util::sync::CancellationToken;

use super::connecting::{Connected, Connecting, Wire};
use super::fault::Fault;
use super::migrate::LOCKS;
use super::servers::Place;

/// The channel of wake-ups.
pub(super) const CHANNEL: &str = "referral_relay";

/// The wait between two tries to connect.
const REST: Duration = Duration::from_secs(1);

/// The lock that delivering relays share. A relay that holds it alone delivers alone.
const LOCK: &str = "hashtext('deliver' || current_schema())";

/// Tries to take the lock alone: the server takes a moment to notice that a relay died.
const ASKED: u32 = 6;

/// The wait in between.
const MOMENT: Duration = Duration::from_millis(50);

/// The time that the server may take for any statement here, and a relay waits for it at its start.
/// It can do without: then lanes of the dead wait for the end of their leases.
const PATIENCE: Duration = Duration::from_secs(5);

/// The time between two checks that the server is still there: nothing else would notice that it isn't.
const STILL_THERE: Duration = Duration::from_secs(5);

/// Orders that may wait for the connection; a start gives two.
const ORDERS: usize = 4;

/// An order to the connection.
enum Order {
    /// To take the lock alone; answers whether it has it.
    Alone(oneshot::Sender<bool>),
    /// To share the lock from now on; answers when it does.
    Share(oneshot::Sender<()>),
}

/// The connection that stays; ends when it is dropped.
pub(super) struct Session {
    orders: mpsc::Sender<Order>,
    ending: CancellationToken,
}

impl Session {
    /// Connects, again and again if need be, and notifies when others have queued work.
    pub(super) fn start(connecting: Arc<Connecting>, notify: Arc<Notify>) -> Self {
        let (orders, given) = mpsc::channel(ORDERS);
        let ending = CancellationToken::new();
        let keeper = Keeper { connecting, notify, orders: given, shares: false };
        let end = ending.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = end.cancelled() => {}
                () = keeper.keep() => {}
            }
        });
        Self { orders, ending }
    }

    /// True if no other relay delivers. Then none begins to before [`Session::share`].
    pub(super) async fn is_alone(&self) -> bool {
        self.order(Order::Alone).await.unwrap_or(false)
    }

    /// Takes the shared lock of delivering relays, which shows that this relay delivers.
    pub(super) async fn share(&self) {
        // Without an answer the connection has ended; it shares the lock once there is another.
        let _ = self.order(Order::Share).await;
    }

    async fn order<T>(&self, order: impl FnOnce(oneshot::Sender<T>) -> Order) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        self.orders.try_send(order(answer)).ok()?;
        tokio::time::timeout(PATIENCE, answered).await.ok()?.ok()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.ending.cancel();
    }
}

struct Keeper {
    connecting: Arc<Connecting>,
    notify: Arc<Notify>,
    orders: mpsc::Receiver<Order>,
    /// True if it shares the lock whenever it is connected.
    shares: bool,
}

impl Keeper {
    async fn keep(mut self) {
        loop {
            if let Err(error) = self.hold().await {
                tracing::debug!(%error, "the connection for wake-ups ended; connecting again");
            }
            tokio::time::sleep(REST).await;
        }
    }

    /// Connects, and does its work until the connection ends.
    async fn hold(&mut self) -> Result<(), Fault> {
        let Connected { client, wire, place } = self.connecting.connect().await?;
        let notify = Arc::clone(&self.notify);
        tokio::select! {
            ended = notify_by(wire, notify) => ended,
            failed = self.work(client, place) => failed,
        }
    }

    async fn work(&mut self, client: Client, place: Place) -> Result<(), Fault> {
        self.in_time(client.batch_execute(&format!("LISTEN {CHANNEL}"))).await?;
        if self.shares {
            self.in_time(share(&client)).await?;
        }
        // Whatever was queued while nobody listened.
        self.notify.notify_one();
        while self.connecting.servers.is_current(place) {
            let order = tokio::select! {
                order = self.orders.recv() => order,
                () = tokio::time::sleep(STILL_THERE) => {
                    self.in_time(client.batch_execute("SELECT 1")).await?;
                    continue;
                }
            };
            match order {
                Some(Order::Alone(answer)) => {
                    let is_alone = self.in_time(take_alone(&client)).await?;
                    if answer.send(is_alone).is_err() && is_alone {
                        // The caller has continued without it.
                        self.in_time(give_up(&client)).await?;
                    }
                }
                Some(Order::Share(answer)) => {
                    if !self.shares {
                        self.in_time(share(&client)).await?;
                        self.shares = true;
                    }
                    self.in_time(give_up(&client)).await?;
                    let _ = answer.send(());
                }
                None => break,
            }
        }
        Ok(())
    }

    /// Gives up on a server that doesn't answer.
    async fn in_time<T>(
        &self,
        asking: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Fault> {
        let answer = tokio::time::timeout(PATIENCE, asking).await;
        Ok(answer.map_err(|_late| Fault::Slow)??)
    }
}

/// Notifies when others have queued work, until the connection ends.
async fn notify_by(mut wire: Wire, notify: Arc<Notify>) -> Result<(), Fault> {
    while let Some(message) = poll_fn(|context| wire.poll_message(context)).await {
        if let AsyncMessage::Notification(_) = message? {
            notify.notify_one();
        }
    }
    Ok(())
}

async fn share(client: &Client) -> Result<(), tokio_postgres::Error> {
    client.batch_execute(&format!("SELECT pg_advisory_lock_shared({LOCKS}, {LOCK})")).await
}

/// Lets go of the lock that it has alone, if it has it; a server only warns if it hasn't.
async fn give_up(client: &Client) -> Result<(), tokio_postgres::Error> {
    client.batch_execute(&format!("SELECT pg_advisory_unlock({LOCKS}, {LOCK})")).await
}

/// Returns a connection that shows nobody else that it is alone while it lasts; none if a relay
/// delivers.
pub(super) async fn alone(connecting: &Connecting) -> Result<Option<Client>, Fault> {
    let Connected { client, wire, .. } = connecting.connect().await?;
    tokio::spawn(wire);
    Ok(take_alone(&client).await?.then_some(client))
}

async fn take_alone(client: &Client) -> Result<bool, tokio_postgres::Error> {
    let sql = format!("SELECT pg_try_advisory_lock({LOCKS}, {LOCK})");
    for asked in 0..ASKED {
        if asked > 0 {
            tokio::time::sleep(MOMENT).await;
        }
        if client.query_typed_one(&sql, &[]).await?.get(0) {
            return Ok(true);
        }
    }
    Ok(false)
}
