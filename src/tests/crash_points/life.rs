//! One process's life: its moments, and its death at one of them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use tokio::sync::Notify;

use super::files::{Files, Stamp};
use crate::store::sqlite::tests::watch::Watch;

/// A life. Clones are the same one.
#[derive(Clone)]
pub(super) struct Life(Arc<Inner>);

struct Inner {
    path: PathBuf,
    state: Mutex<State>,
    died: Notify,
    buried: Condvar,
}

#[derive(Default)]
struct State {
    dies_at: Option<usize>,
    moments: usize,
    statements: usize,
    stamp: Stamp,
    files: Files,
    death: Option<Death>,
    is_dead: bool,
    is_buried: bool,
}

/// The remains of a death.
pub(super) struct Death {
    /// The last event.
    pub(super) at: &'static str,
    pub(super) files: Files,
    /// The files at the moment before.
    pub(super) before: Files,
}

impl Life {
    /// Returns the life of a process that works on the store at `path` and dies at the moment of
    /// this number.
    pub(super) fn new(path: &Path, dies_at: Option<usize>) -> Self {
        let (stamp, files) = (Stamp::of(path), Files::of(path));
        let state = State { dies_at, stamp, files, ..State::default() };
        let (died, buried) = (Notify::new(), Condvar::new());
        Self(Arc::new(Inner { path: path.to_owned(), state: Mutex::new(state), died, buried }))
    }

    /// Shows each statement of the store to this life. In a dead process no thread goes on: it
    /// waits there until the burial.
    pub(super) fn watch(&self) -> Watch {
        let life = self.clone();
        Watch(Arc::new(move || {
            let mut state = life.state();
            state.statements += 1;
            if Stamp::of(&life.0.path) != state.stamp {
                life.pass(&mut state, "a commit");
            }
            while state.is_dead && !state.is_buried {
                state = life.0.buried.wait(state).unwrap();
            }
        }))
    }

    /// Records a change outside the store. Returns false if the process is dead, so that the change
    /// must not happen.
    pub(super) fn moment(&self, what: &'static str) -> bool {
        let mut state = self.state();
        self.pass(&mut state, what);
        !state.is_dead
    }

    fn pass(&self, state: &mut State, at: &'static str) {
        if state.is_dead {
            return;
        }
        state.stamp = Stamp::of(&self.0.path);
        let files = Files::of(&self.0.path);
        let before = std::mem::replace(&mut state.files, files.clone());
        if state.dies_at == Some(state.moments) {
            state.death = Some(Death { at, files, before });
            state.is_dead = true;
            self.0.died.notify_one();
        }
        state.moments += 1;
    }

    /// Waits for the death.
    pub(super) async fn died(&self) {
        self.0.died.notified().await;
    }

    /// Lets the threads of the dead process go, once they can change nothing.
    pub(super) fn bury(&self) -> Death {
        let mut state = self.state();
        state.is_buried = true;
        self.0.buried.notify_all();
        state.death.take().expect("it died")
    }

    /// Returns the number of beginnings and ends of statements.
    pub(super) fn statements(&self) -> usize {
        self.state().statements
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap()
    }
}
