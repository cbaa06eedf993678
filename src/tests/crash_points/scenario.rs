//! A small scenario: webhooks come, calls go, something goes wrong; and how it is lived through,
//! in one life or in two.

use std::sync::{Arc, OnceLock};

use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;

use super::life::Death;
use super::parts::{Relay, Ticking};
use super::stand::Fault;
use super::{Door, Files, Life, Stand, World};

/// The steps of a scenario.
pub(super) struct Scenario {
    pub(super) steps: Vec<Step>,
    /// The fates of the first process's requests, by their number. The second has luck.
    pub(super) faults: Vec<(usize, Fault)>,
    /// For each person the ways in which their calls may arrive.
    pub(super) lanes: Vec<(&'static str, Vec<&'static str>)>,
    /// True if the store must be made first.
    pub(super) is_new: bool,
}

/// One thing after the other.
pub(super) enum Step {
    /// A webhook comes, and comes again until it is acknowledged.
    Take(Webhook),
    /// Everything pending is delivered.
    Deliver,
    /// An operator puts dead letters back.
    Redeliver,
}

/// A webhook, and the tracks that it alone leads to, as `event person`.
#[derive(Clone, Debug)]
pub(super) struct Webhook {
    pub(super) body: String,
    pub(super) effects: Vec<String>,
}

/// The memory of the sender of webhooks and of the destination when the process is dead.
pub(super) struct Memory {
    stand: Stand,
    clock: Arc<Ticking>,
    /// The number of webhooks that were acknowledged.
    acknowledged: usize,
}

/// A life that came to its natural end.
pub(super) struct End {
    pub(super) world: World,
    pub(super) statements: usize,
}

/// A place for the store of one process.
struct Home(TempDir);

impl Home {
    fn with(files: &Files) -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        files.put(&home.path());
        home
    }

    fn path(&self) -> std::path::PathBuf {
        self.0.path().join("relay.db")
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

impl Scenario {
    /// Lives through it in one life, which ends at the moment of this number, if it comes.
    pub(super) fn run(&self, dies_at: Option<usize>) -> Result<(Death, Memory), Box<End>> {
        let home =
            if self.is_new { Home::with(&Files::default()) } else { Home::with(empty_store()) };
        let life = Life::new(&home.path(), dies_at);
        let mut memory =
            Memory { stand: Stand::new(), clock: Arc::new(Ticking::new()), acknowledged: 0 };
        let runtime = runtime();
        let lived = runtime.block_on(async {
            tokio::select! {
                biased;
                () = life.died() => false,
                () = self.live(&home, &life, &mut memory, &self.faults) => true,
            }
        });
        // Its tasks end here, and its threads stand still where they are.
        runtime.shutdown_background();
        if !lived {
            return Ok((life.bury(), memory));
        }
        let world = World::seen(&memory.stand, &home.path());
        memory.stand.end();
        Err(Box::new(End { world, statements: life.statements() }))
    }

    /// Returns the second life, on what the first one left.
    pub(super) fn recover(&self, death: &Death, mut memory: Memory, what: &str) -> World {
        let home = Home::with(&death.files);
        let life = Life::new(&home.path(), None);
        runtime().block_on(async {
            // The sender waits meanwhile, so that what isn't acknowledged shows by itself.
            let mut relay = memory.relay(&home, &life, &[]).await;
            relay.deliver().await;
            relay.end().await;
        });
        World::seen(&memory.stand, &home.path()).check_acknowledged(
            self,
            memory.acknowledged,
            what,
        );
        runtime().block_on(self.live(&home, &life, &mut memory, &[]));
        let world = World::seen(&memory.stand, &home.path());
        memory.stand.end();
        world
    }

    /// Returns the webhooks, in the order in which they come.
    pub(super) fn webhooks(&self) -> impl Iterator<Item = &Webhook> {
        self.steps.iter().filter_map(|step| match step {
            Step::Take(webhook) => Some(webhook),
            Step::Deliver | Step::Redeliver => None,
        })
    }

    /// Runs from the first unacknowledged webhook to the end.
    async fn live(&self, home: &Home, life: &Life, memory: &mut Memory, faults: &[(usize, Fault)]) {
        let mut relay = memory.relay(home, life, faults).await;
        let mut webhook = 0;
        for step in &self.steps {
            match step {
                Step::Take(Webhook { body, .. }) => {
                    webhook += 1;
                    if webhook > memory.acknowledged {
                        relay.take(body).await;
                        memory.acknowledged += 1;
                        life.moment("an acknowledgement");
                    }
                }
                Step::Deliver => relay.deliver().await,
                Step::Redeliver => relay.redeliver().await,
            }
        }
        relay.end().await;
        life.moment("the end");
    }
}

impl Memory {
    async fn relay(&self, home: &Home, life: &Life, faults: &[(usize, Fault)]) -> Relay {
        let (clock, notify) = (Arc::clone(&self.clock), Arc::new(Notify::new()));
        let (life, faults) = (life.clone(), faults.to_vec());
        let watch = life.watch();
        let door = Door { life, faults, clock: Arc::clone(&clock), notify: Arc::clone(&notify) };
        Relay::start(&home.path(), self.stand.open(door), clock, notify, watch).await
    }
}

/// Returns a store that was made and closed.
fn empty_store() -> &'static Files {
    static FILES: OnceLock<Files> = OnceLock::new();
    FILES.get_or_init(|| {
        let home = Home::with(&Files::default());
        let life = Life::new(&home.path(), None);
        let memory =
            Memory { stand: Stand::new(), clock: Arc::new(Ticking::new()), acknowledged: 0 };
        runtime().block_on(async { memory.relay(&home, &life, &[]).await.end().await });
        memory.stand.end();
        Files::of(&home.path())
    })
}
