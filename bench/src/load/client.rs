//! A minimal keep-alive HTTP/1.1 connection: the client's own work would hide the difference between the servers. It
//! reads bodies by length or in chunks, and supports nothing else.

use anyhow::{Context, Result, ensure};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An open connection and the bytes read from it.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// Framing of the answer's body in the buffer.
enum Body {
    Length(usize),
    Chunked,
}

impl Connection {
    /// Connects, with Nagle's delay switched off.
    pub(crate) async fn open(addr: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(addr).await.with_context(|| format!("cannot connect to {addr}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(64 * 1024) })
    }

    /// Sends a request and reads its whole answer; returns status and body (chunks unparsed).
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<(u16, &[u8])> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let mut seen = 0;
        let head = loop {
            self.fill().await?;
            let from = usize::saturating_sub(seen, 3);
            if let Some(at) = self.buffer[from..].windows(4).position(|w| w == b"\r\n\r\n") {
                break from + at + 4;
            }
            seen = self.buffer.len();
        };
        let (status, body) = parse_head(&self.buffer[..head])?;
        let end = match body {
            Body::Length(length) => {
                while self.buffer.len() < head + length {
                    self.fill().await?;
                }
                head + length
            }
            Body::Chunked => self.chunks(head).await?,
        };
        ensure!(end == self.buffer.len(), "more came than was asked for");
        Ok((status, &self.buffer[head..end]))
    }

    /// Reads to the end of the last chunk.
    async fn chunks(&mut self, mut at: usize) -> Result<usize> {
        loop {
            let Some(line) = self.buffer[at..].windows(2).position(|w| w == b"\r\n") else {
                self.fill().await?;
                continue;
            };
            let size = std::str::from_utf8(&self.buffer[at..at + line])?;
            let size = usize::from_str_radix(size.trim(), 16).context("not a chunk size")?;
            let next = at + line + 2 + size + 2;
            while self.buffer.len() < next {
                self.fill().await?;
            }
            if size == 0 {
                return Ok(next);
            }
            at = next;
        }
    }

    async fn fill(&mut self) -> Result<()> {
        let read = self.stream.read_buf(&mut self.buffer).await?;
        ensure!(read > 0, "the server closed the connection");
        Ok(())
    }
}

fn parse_head(head: &[u8]) -> Result<(u16, Body)> {
    let head = std::str::from_utf8(head)?;
    let status = head.get(9..12).and_then(|s| s.parse().ok()).context("no status")?;
    for line in head.split("\r\n").skip(1) {
        let Some((name, value)) = line.split_once(':') else { continue };
        if name.eq_ignore_ascii_case("content-length") {
            return Ok((status, Body::Length(value.trim().parse()?)));
        }
        if name.eq_ignore_ascii_case("transfer-encoding") {
            return Ok((status, Body::Chunked));
        }
    }
    Ok((status, Body::Length(0)))
}
