//! Hands out the connections of one server within its budget.

use super::{
    Access, Connection, Lease, Login,
    budget::{Budget, Grant},
    connection::Role,
    lease::Place,
    watchdog::{Sockets, watch},
};
use crate::error::{Error, Kind, Result};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};
use tokio::{
    runtime::Handle,
    sync::oneshot,
    time::{sleep, timeout},
};

/// Limits of the number of connections and of waiting times.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    /// Maximum number of connections to the server, including idle ones.
    pub most: usize,
    /// Maximum number of connections to one database.
    pub per_database: usize,
    /// Time after which an idle connection is closed.
    pub idle: Duration,
    /// Longest time that a caller waits for a connection.
    pub wait: Duration,
}

/// Numbers of connections to a server, and of waiting callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionCounts {
    /// Largest number of connections.
    pub most: usize,
    /// Connections that are open, being opened or being closed.
    pub open: usize,
    /// Open connections that no statement uses.
    pub idle: usize,
    /// Callers that wait for a connection.
    pub waiting: usize,
}

/// The connections to one server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Connections(Arc<Pool>);

#[derive(Debug)]
pub(super) struct Pool {
    pub(super) access: Access,
    pub(super) sockets: Sockets,
    limits: ConnectionLimits,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    budget: Budget<Arc<str>, Box<Connection>, oneshot::Sender<Place>>,
    /// True while a task closes connections that stay idle.
    reaped: bool,
    /// True while a task checks whether the server answers.
    watched: bool,
}

impl Connections {
    /// Creates the pool of a server's connections. Opens none.
    pub fn new(access: Access, limits: ConnectionLimits) -> Self {
        let budget = Budget::new(limits.most, limits.per_database);
        let state = Mutex::new(State { budget, reaped: false, watched: false });
        Self(Arc::new(Pool { access, sockets: Sockets::default(), limits, state }))
    }

    /// Returns true if a pooler gives each transaction another connection. Such a pooler loses notifications.
    pub fn are_pooled(&self) -> bool {
        !self.0.access.prepares()
    }

    /// Returns whether the server answered when a connection was last opened.
    pub fn is_reachable(&self) -> bool {
        self.0.access.is_reachable()
    }

    /// Returns the access to the server.
    pub(crate) fn access(&self) -> &Access {
        &self.0.access
    }

    /// Leases a connection to `database`, which must be a checked name (`checked-names`).
    ///
    /// # Errors
    /// Returns [`Kind::Busy`] if no connection is free in time, [`Kind::Unreachable`] if the server is away (at once if
    /// that is already known), and [`Kind::Missing`] if there is no such database.
    pub async fn lease(&self, database: &Arc<str>) -> Result<Lease> {
        let place = self.place(database, |connection| connection.role == Role::Login).await?;
        let mut lease = Lease::open(place, None).await?;
        lease.reset_role().await?;
        Ok(lease)
    }

    /// Leases a connection for statements that set their role themselves, so that the connection may have any role.
    /// Prefers an idle connection with `role`.
    ///
    /// # Errors
    /// Returns the errors of [`Connections::lease`].
    pub async fn lease_for(&self, database: &Arc<str>, role: &Arc<str>) -> Result<Lease> {
        let has_role = |connection: &Connection| matches!(&connection.role, Role::Set(set) if set == role);
        let mut lease = Lease::open(self.place(database, has_role).await?, None).await?;
        lease.forget_other_role(role)?;
        Ok(lease)
    }

    /// Leases a new connection to `database` for another role. It is closed when the lease ends.
    ///
    /// # Errors
    /// Returns the errors of [`Connections::lease`], and [`Kind::NoAccess`] if the server refuses the role.
    pub async fn lease_as(&self, database: &Arc<str>, login: &Login) -> Result<Lease> {
        Lease::open(self.place(database, |_| true).await?, Some(login)).await
    }

    /// Takes a slot, with an idle connection that fits if there is one.
    async fn place(&self, database: &Arc<str>, fits: impl Fn(&Connection) -> bool) -> Result<Place> {
        let receiver = {
            let mut state = self.0.lock();
            match state.budget.take(database, |connection| fits(connection)) {
                Some(grant) => Err(Place::new(&self.0, database.clone(), grant)),
                None => {
                    let (sender, receiver) = oneshot::channel();
                    state.budget.wait(database, sender);
                    Ok(receiver)
                }
            }
        };
        match receiver {
            Err(place) => Ok(place),
            Ok(receiver) => match timeout(self.0.limits.wait, receiver).await {
                Ok(Ok(place)) => Ok(place),
                _ => Err(Error::new(Kind::Busy, format!("all connections for {database} are in use"))),
            },
        }
    }

    /// Returns how many connections there are, and how many callers wait for one.
    pub fn counts(&self) -> ConnectionCounts {
        let state = self.0.lock();
        let (open, idle) = state.budget.counts();
        let waiting = state.budget.waiting().filter(|caller| !caller.is_closed()).count();
        ConnectionCounts { most: self.0.limits.most.max(1), open, idle, waiting }
    }
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a new connection, and starts the watchdog of the server if it does not run.
    pub(super) fn opened(self: &Arc<Self>, connection: &Connection) {
        self.sockets.add(connection.socket());
        if !std::mem::replace(&mut self.lock().watched, true) {
            tokio::spawn(watch(Arc::downgrade(self)));
        }
    }

    /// Returns whether connections are in use, and a number that grows with each connection that is given back; `None`
    /// if no connection is open, in which case the watchdog must end.
    pub(super) fn activity(&self) -> Option<(bool, u64)> {
        let mut state = self.lock();
        let (open, idle) = state.budget.counts();
        state.watched = open > 0;
        state.watched.then(|| (open > idle, state.budget.stamp()))
    }

    /// Takes back a slot and gives it to the next caller.
    pub(super) fn give_back(self: &Arc<Self>, database: &Arc<str>, grant: Grant<Box<Connection>>) {
        let mut state = self.lock();
        state.budget.give_back(database, of(grant));
        self.serve(&mut state, database);
        if !state.reaped
            && state.budget.counts().1 > 0
            && let Ok(runtime) = Handle::try_current()
        {
            state.reaped = true;
            runtime.spawn(reap(Arc::downgrade(self), self.limits.idle));
        }
    }

    /// Gives slots to waiting callers, as long as there are slots.
    fn serve(self: &Arc<Self>, state: &mut State, last: &Arc<str>) {
        while let Some((caller, database, grant)) = state.budget.next(last) {
            let refused = caller.send(Place::new(self, database, grant)).err();
            // The caller has gone away.
            if let Some((database, grant)) = refused.and_then(Place::dissolve) {
                state.budget.give_back(&database, of(grant));
            }
        }
    }
}

/// Returns the connection of a grant, with its database.
fn of(grant: Grant<Box<Connection>>) -> Option<(Arc<str>, Box<Connection>)> {
    match grant {
        Grant::Ready(connection) | Grant::Replace(connection) => {
            Some((connection.database().clone(), connection))
        }
        Grant::Free => None,
    }
}

/// Closes connections that were idle for `idle`. Ends when no connection is left.
async fn reap(pool: Weak<Pool>, idle: Duration) {
    loop {
        let Some(stamp) = pool.upgrade().map(|pool| pool.lock().budget.stamp()) else { return };
        sleep(idle).await;
        let Some(pool) = pool.upgrade() else { return };
        let old = pool.lock().budget.idle_before(stamp);
        for connection in old {
            let database = connection.database().clone();
            connection.close().await;
            let mut state = pool.lock();
            state.budget.closed();
            pool.serve(&mut state, &database);
        }
        let mut state = pool.lock();
        if state.budget.counts().1 == 0 {
            state.reaped = false;
            return;
        }
    }
}
