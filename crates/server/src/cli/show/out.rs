//! Standard output and standard error of the command line.
//!
//! Used through `say!` and `tell!` by all commands and by `main`. A reader that has closed its end, as `head`
//! does, ends the output and nothing else: the work that was asked for is done all the same, and the exit
//! status then is what a shell shows of a tool that died of a closed pipe.

use std::{
    fmt::Arguments,
    io::{self, ErrorKind, Write},
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

/// 128 and the number of SIGPIPE.
const CLOSED_PIPE: u8 = 141;

/// The reader of standard output closed it.
static CLOSED: AtomicBool = AtomicBool::new(false);

/// A line on standard output.
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

/// A line on standard error. If that cannot be written, the line is dropped.
pub(in crate::cli) fn aside(text: Arguments<'_>) {
    drop(put(&mut io::stderr().lock(), text));
}

/// The status to end with: that of the work, unless it went well and its output had no reader.
pub(in crate::cli) fn status(work: ExitCode) -> ExitCode {
    if work == ExitCode::SUCCESS && CLOSED.load(Relaxed) { ExitCode::from(CLOSED_PIPE) } else { work }
}

fn put(to: &mut impl Write, text: Arguments<'_>) -> io::Result<()> {
    to.write_fmt(text)?;
    to.write_all(b"\n")?;
    to.flush()
}

/// As `println!`, but a closed pipe is no fault.
macro_rules! say {
    ($($text:tt)*) => { $crate::cli::out::line(format_args!($($text)*)) };
}

/// As `eprintln!`, likewise.
macro_rules! tell {
    ($($text:tt)*) => { $crate::cli::out::aside(format_args!($($text)*)) };
}
