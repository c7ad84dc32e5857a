//! A connection that listens for notifications. It is not part of the budget, because it is never given back: a process
//! has one for each system store that it watches.

use super::Connections;
use crate::{
    error::{Error, Kind, Result},
    postgres::names::quoted,
};
use std::{
    future::poll_fn,
    pin::pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};
use tokio::time::{sleep, timeout};
use tokio_postgres::{AsyncMessage, Client, Connection, Socket};

/// Longest time that the server may take to answer.
const ANSWER: Duration = Duration::from_secs(5);

/// Events that a listener reports.
#[derive(Debug, Clone, Copy)]
pub enum Heard {
    /// The connection listens from now on. Earlier notifications are not heard.
    Listening,
    /// A notification.
    Notice,
    /// Every notification of a transaction that was committed before this instant has been reported.
    Alive(Instant),
}

impl Connections {
    /// Listens on a channel of `database`, and sends the server a query after each `pause` to check that it is alive.
    /// Returns the reason why it ended.
    pub async fn listen(
        &self,
        database: &Arc<str>,
        channel: &str,
        pause: Duration,
        mut hear: impl FnMut(Heard),
    ) -> Error {
        let (client, mut stream) = match self.access().dial(database, None).await {
            Ok(opened) => opened,
            Err(error) => return error,
        };
        let begin = format!("LISTEN {}", quoted(channel));
        if let Err(error) = answered(&client, &mut stream, &begin, &mut hear).await {
            return error;
        }
        hear(Heard::Listening);
        loop {
            // The server sends the notifications of earlier commits before it answers.
            let asked = Instant::now();
            if let Err(error) = answered(&client, &mut stream, "SELECT 1", &mut hear).await {
                return error;
            }
            hear(Heard::Alive(asked));
            let wait = pin!(sleep(pause));
            if let Err(error) = meanwhile(wait, &mut stream, &mut hear).await {
                return error;
            }
        }
    }
}

/// Runs a statement and reports notifications that arrive in the meantime.
async fn answered<T: Stream>(
    client: &Client,
    stream: &mut Connection<Socket, T>,
    sql: &str,
    hear: &mut impl FnMut(Heard),
) -> Result<()> {
    let ask = pin!(client.batch_execute(sql));
    let answer = timeout(ANSWER, meanwhile(ask, stream, hear)).await;
    let answer = answer.map_err(|_| lost(format!("no answer in {} s", ANSWER.as_secs())))??;
    answer.map_err(|error| super::failure::of_statement(&error))
}

/// Waits for `work` and reports notifications that arrive in the meantime.
async fn meanwhile<T: Stream, F: Future + Unpin>(
    mut work: F,
    stream: &mut Connection<Socket, T>,
    hear: &mut impl FnMut(Heard),
) -> Result<F::Output> {
    poll_fn(|context| {
        if let Err(error) = drain(stream, context, hear) {
            return Poll::Ready(Err(error));
        }
        std::pin::Pin::new(&mut work).poll(context).map(Ok)
    })
    .await
}

/// Reads what has arrived, and sends what is queued.
fn drain<T: Stream>(
    stream: &mut Connection<Socket, T>,
    context: &mut Context<'_>,
    hear: &mut impl FnMut(Heard),
) -> Result<()> {
    loop {
        match stream.poll_message(context) {
            Poll::Pending => return Ok(()),
            Poll::Ready(Some(Ok(AsyncMessage::Notification(_)))) => hear(Heard::Notice),
            Poll::Ready(Some(Ok(_))) => {}
            Poll::Ready(Some(Err(error))) => return Err(super::failure::of_statement(&error)),
            Poll::Ready(None) => return Err(lost("the server closed it".into())),
        }
    }
}

fn lost(why: String) -> Error {
    Error::new(Kind::Unreachable, why)
}

/// The byte stream of an encrypted connection.
trait Stream: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin {}

impl<T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin> Stream for T {}
