//! One transaction with the changes of one or more writes, in three round trips. The first locks the place and reads
//! the values that the changes need, the second makes the changes, and the third writes their consequences and commits.

use super::{
    answers, end,
    opening::Needs,
    refusal,
    statements::{self, Inserts, Sent},
};
use crate::{
    error::{Error, Kind, Result},
    position::LogPosition,
    postgres::{
        connections::{Answers, Call, Connection, Failed, Param},
        opened::Opened,
        records::{Bound, usage::Held},
        replicas,
        server::Server,
    },
    write::{Doubt, Effects, Trouble, Write, WriteCondition, Written, doubt::Commit},
};

/// The reason why an attempt was not committed.
enum Ended {
    For(Trouble),
    /// One of several rows that were inserted together was refused.
    OneOfSeveral,
}

impl From<Trouble> for Ended {
    fn from(trouble: Trouble) -> Self {
        Self::For(trouble)
    }
}

/// A statement with its values.
pub(super) struct Statement<'v> {
    pub(super) sql: String,
    pub(super) values: Vec<Bound<'v>>,
}

/// Runs the writes and returns the result of each, in order.
pub(crate) async fn run(
    server: &Server,
    place: &Opened,
    writes: &[Write<'_>],
) -> Result<Vec<Vec<Written>>, Trouble> {
    let (mut written, position) = committed(server, place, writes).await?;
    if let Some(replicas) = &server.replicas
        && let Some(position) = position
    {
        let position = replicas.sealed(server, position).await;
        written.iter_mut().flatten().for_each(|written| written.position = position);
    }
    Ok(written)
}

/// The result of each write, and the position in the log after the commit, if it was requested.
type Committed = (Vec<Vec<Written>>, Option<LogPosition>);

async fn committed(server: &Server, place: &Opened, writes: &[Write<'_>]) -> Result<Committed, Trouble> {
    let mut lease = server.lease_to(place).await.map_err(Trouble::All)?;
    let connection = lease.connection().map_err(Trouble::All)?;
    let cluster = server.cluster(connection).await;
    let mut done = attempt((server, cluster), place, writes, connection, Inserts::Together).await;
    if matches!(done, Err(Ended::OneOfSeveral)) {
        connection.roll_back_if_open().await.map_err(Trouble::All)?;
        done = attempt((server, cluster), place, writes, connection, Inserts::Alone).await;
    }
    if done.is_err() {
        // If the rollback fails, the connection is closed, which rolls back as well.
        drop(connection.roll_back_if_open().await);
    }
    // Do this whatever the outcome, because a commit whose answer was lost may have been done.
    server.note_change(place);
    done.map_err(|ended| match ended {
        Ended::For(trouble) => trouble,
        Ended::OneOfSeveral => Trouble::All(Error::new(Kind::Internal, "a refused row was not found")),
    })
}

async fn attempt(
    (server, cluster): (&Server, Option<i64>),
    place: &Opened,
    writes: &[Write<'_>],
    connection: &mut Connection,
    inserts: Inserts,
) -> Result<Committed, Ended> {
    let needs = Needs::of(writes);
    let Some(sealed) = place.last_sealed() else { return Err(Trouble::Outdated(0).into()) };
    let opening = needs.statements(place, &sealed, writes[0].request.schema.store().as_str());
    let answers = send(connection, &opening, How::Begin(&place.write)).await.map_err(not_begun)?;
    let held = Held::read(&answers[0]).map_err(Trouble::All)?;
    let mut start = needs.read(&answers[1..]).map_err(Trouble::All)?;
    let position = start.is_sealed.then_some(sealed.seal.position);
    let is_old = |write: &Write<'_>| {
        position.is_none() || place.verified.position(write.request.schema.known()) != position
    };
    if let Some(at) = writes.iter().position(is_old) {
        return Err(Trouble::Outdated(at).into());
    }
    let now = jiff::Timestamp::now();
    let now = jiff::Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now);
    let sent = statements::all(place, writes, &mut start, now, inserts)?;
    let effects = change(&sent, writes, connection).await?;
    effects.judge((held.rows, held.bytes))?;
    for (at, write) in writes.iter().enumerate() {
        WriteCondition::check(write.request.condition.as_ref())
            .map_err(|error| Trouble::Refused(at, error.into()))?;
    }
    if writes.iter().any(|write| write.request.options.dry_run) {
        connection.roll_back().await.map_err(Trouble::All)?;
        return Ok((effects.written, None));
    }
    let ending = end::statements(place, writes, (&start, now), &effects, &held);
    match commit(connection, &ending, server.replicas.is_some()).await {
        Ok(position) => Ok((effects.written, position)),
        Err(failed) => {
            let transaction = cluster.zip(held.xid);
            Err(not_committed(failed.into(), writes, &effects.written, transaction).into())
        }
    }
}

fn not_committed(
    error: Error,
    writes: &[Write<'_>],
    written: &[Vec<Written>],
    transaction: Option<(i64, u64)>,
) -> Trouble {
    if *error.kind() != Kind::InDoubt {
        return Trouble::All(error);
    }
    let commit = transaction.map(|(cluster, xid)| Commit { cluster, xid });
    let doubts = writes.iter().zip(written);
    let doubts = doubts.map(|(write, written)| Doubt::of(&write.request.changes, written, commit));
    Trouble::InDoubt(error.into(), doubts.collect())
}

/// Makes all changes in one round trip, before any refusal is known.
async fn change<'w>(
    sent: &[Sent<'_>],
    writes: &'w [Write<'w>],
    connection: &mut Connection,
) -> Result<Effects<'w>, Ended> {
    let changes = sent.iter().map(|sent| &sent.statement);
    let (answers, failed) = match send(connection, changes, How::Within).await {
        Ok(answers) => (answers, None),
        Err(mut failed) => (std::mem::take(&mut failed.before), Some(failed)),
    };
    let mut effects = Effects::new(writes);
    for (sent, rows) in sent.iter().zip(answers) {
        answers::take(&mut effects, sent, &rows).map_err(|(at, error)| {
            let part = &sent.parts[at];
            Trouble::Refused(part.write, error.with_index(part.change).into())
        })?;
    }
    match failed {
        None => Ok(effects),
        // No earlier change was refused.
        Some(failed) => Err(refused(sent, failed)),
    }
}

fn not_begun(failed: Failed) -> Trouble {
    match failed.is_gone() {
        true => Trouble::Gone(failed.into()),
        false => Trouble::All(failed.into()),
    }
}

/// Finds the write that was refused, and explains the refusal in terms of fields and models.
fn refused(sent: &[Sent<'_>], failed: Failed) -> Ended {
    let Some(Sent { plan, parts, .. }) = failed.at.map(|at| &sent[at]) else {
        return Trouble::All(failed.into()).into();
    };
    match &parts[..] {
        _ if failed.error.as_db_error().is_none() => Trouble::All(failed.into()).into(),
        [first, ..] if failed.is_stale() => Trouble::Outdated(first.write).into(),
        [part] => {
            let error = refusal::explain(plan, part, failed);
            Trouble::Refused(part.write, error.with_index(part.change).into()).into()
        }
        _ => Ended::OneOfSeveral,
    }
}

/// How statements are sent.
enum How<'b> {
    /// In one message with the statement that begins the transaction.
    Begin(&'b str),
    Within,
}

async fn send<'v>(
    connection: &mut Connection,
    statements: impl IntoIterator<Item = &'v Statement<'v>>,
    how: How<'_>,
) -> Result<Answers, Failed> {
    let statements: Vec<_> = statements.into_iter().collect();
    let params = params(statements.iter().copied());
    let calls = calls(statements.iter().copied(), &params);
    match how {
        How::Begin(begin) => connection.begin_with(begin, &calls).await,
        How::Within => connection.calls(&calls).await,
    }
}

/// Sends the last statements and the commit. With `asks`, returns the position in the log after the commit.
async fn commit(
    connection: &mut Connection,
    statements: &[Statement<'_>],
    asks: bool,
) -> Result<Option<LogPosition>, Failed> {
    let params = params(statements);
    let calls = calls(statements, &params);
    if !asks {
        return connection.commit_with(&calls).await.map(|_| None);
    }
    let rows = connection.commit_and_ask(&calls, replicas::POSITION).await?;
    Ok(rows.as_deref().and_then(<[_]>::first).map(replicas::position))
}

fn params<'s, 'v: 's>(statements: impl IntoIterator<Item = &'s Statement<'v>>) -> Vec<Vec<Param<'s>>> {
    statements.into_iter().map(|statement| statement.values.iter().map(Bound::param).collect()).collect()
}

fn calls<'s, 'v: 's>(
    statements: impl IntoIterator<Item = &'s Statement<'v>>,
    params: &'s [Vec<Param<'s>>],
) -> Vec<Call<'s>> {
    let calls = statements.into_iter().zip(params);
    calls.map(|(statement, params)| Call::again(&statement.sql, params)).collect()
}
