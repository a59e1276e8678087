//! Commands from a pipe: when standard input is no terminal, its lines are commands.

use std::io;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, stdin};

use super::Console;
use crate::lines::Lines;

/// Longest line that is read; a longer one is refused and skipped.
pub(crate) const MAX_LINE: u64 = 80 * 1024;

/// Answers the lines of standard input until it ends. Nobody waits for a reader of the answers.
pub(crate) async fn answer(console: &Console, output: &Lines) -> io::Result<()> {
    let mut lines = BufReader::new(stdin());
    while let Some(line) = read_line(&mut lines).await? {
        let answer = match line {
            Ok(line) => console.ask_for_text(&line).await.text,
            Err(TooLongLine) => format!("a command has at most {MAX_LINE} bytes\n"),
        };
        output.push(answer.as_bytes());
    }
    Ok(())
}

/// A line was longer than [`MAX_LINE`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct TooLongLine;

/// The next line, in bounded memory; `None` at the end.
pub(crate) async fn read_line<R>(reader: &mut R) -> io::Result<Option<Result<String, TooLongLine>>>
where
    R: tokio::io::AsyncBufRead + Unpin,
{
    let mut line = Vec::new();
    let read = (&mut *reader).take(MAX_LINE).read_until(b'\n', &mut line).await?;
    if read == 0 {
        return Ok(None);
    }
    let is_cut = u64::try_from(read).is_ok_and(|read| read == MAX_LINE) && !line.ends_with(b"\n");
    if is_cut {
        skip_line(reader).await?;
        return Ok(Some(Err(TooLongLine)));
    }
    Ok(Some(Ok(String::from_utf8_lossy(&line).into_owned())))
}

async fn skip_line<R: tokio::io::AsyncBufRead + Unpin>(reader: &mut R) -> io::Result<()> {
    loop {
        let waiting = reader.fill_buf().await?;
        let end = waiting.iter().position(|&byte| byte == b'\n');
        let len = end.map_or(waiting.len(), |end| end + 1);
        let is_over = end.is_some() || waiting.is_empty();
        reader.consume(len);
        if is_over {
            return Ok(());
        }
    }
}
