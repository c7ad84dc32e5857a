//! Standard output and standard error of the command line.
//!
//! All commands and `main` use it through `say!` and `tell!`. If the reader closes the pipe, as `head` does, only the
//! output ends: the command finishes its work, and its exit status is that of a program ended by a closed pipe.

use std::{
    fmt::Arguments,
    io::{self, ErrorKind, Write},
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

/// Exit status after a closed pipe: 128 plus the number of SIGPIPE.
const CLOSED_PIPE: u8 = 141;

/// True once the reader of standard output has closed it.
static CLOSED: AtomicBool = AtomicBool::new(false);

/// Writes a line to standard output.
pub(in crate::cli) fn line(text: Arguments<'_>) {
    if !CLOSED.load(Relaxed)
        && let Err(error) = put(&mut io::stdout().lock(), text)
    {
        CLOSED.store(true, Relaxed);
        if error.kind() != ErrorKind::BrokenPipe {
            aside(format_args!("error: standard output: {error}"));
        }
    }
}

/// Writes a line to standard error. A line that cannot be written is dropped.
pub(in crate::cli) fn aside(text: Arguments<'_>) {
    drop(put(&mut io::stderr().lock(), text));
}

/// Returns the exit status of the work. If the work succeeded but its output had no reader, returns [`CLOSED_PIPE`].
pub(in crate::cli) fn status(work: ExitCode) -> ExitCode {
    if work == ExitCode::SUCCESS && CLOSED.load(Relaxed) { ExitCode::from(CLOSED_PIPE) } else { work }
}

fn put(to: &mut impl Write, text: Arguments<'_>) -> io::Result<()> {
    to.write_fmt(text)?;
    to.write_all(b"\n")?;
    to.flush()
}

/// Prints a line like `println!`; a closed pipe is not an error.
macro_rules! say {
    ($($text:tt)*) => { $crate::cli::out::line(format_args!($($text)*)) };
}

/// Prints a line like `eprintln!`; a closed pipe is not an error.
macro_rules! tell {
    ($($text:tt)*) => { $crate::cli::out::aside(format_args!($($text)*)) };
}
