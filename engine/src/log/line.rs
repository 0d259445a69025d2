//! One line as it is written.

use super::{Author, Format, Level, Options};
use crate::sys::{clock, process};

/// The whole line, with its end.
pub(super) fn of(options: &Options, author: Author, level: Level, text: &str) -> String {
    match options.format {
        Format::Text => plain(options, author, level, text),
        Format::Json => json(author, level, text),
    }
}

fn id(author: Author) -> u32 {
    match author {
        Author::Worker(id) | Author::TaskWorker(id) | Author::UserProcess(id) => id,
        Author::Nobody | Author::Master | Author::Manager => 0,
    }
}

fn plain(options: &Options, author: Author, level: Level, text: &str) -> String {
    let marker = match author {
        Author::Nobody => '%',
        Author::Master => '#',
        Author::Manager => '$',
        Author::Worker(_) => '*',
        Author::TaskWorker(_) => '^',
        Author::UserProcess(_) => '@',
    };
    let mut date = clock::local_time(&options.date_format);
    if options.microseconds {
        date += &format!("<.{}>", clock::wall_us() % 1_000_000);
    }
    let (pid, id, word) = (process::pid(), id(author), level.word());
    format!("[{date} {marker}{pid}.{id}]\t{word}\t{text}\n")
}

fn json(author: Author, level: Level, text: &str) -> String {
    let role = match author {
        Author::Nobody => "start",
        Author::Master => "master",
        Author::Manager => "manager",
        Author::Worker(_) => "worker",
        Author::TaskWorker(_) => "task worker",
        Author::UserProcess(_) => "user process",
    };
    let (time, word) = (clock::utc(), level.word());
    let (pid, id, text) = (process::pid(), id(author), escaped(text));
    format!(
        "{{\"time\":\"{time}\",\"level\":\"{word}\",\"role\":\"{role}\",\"pid\":{pid},\"id\":{id},\"text\":\"{text}\"}}\n"
    )
}

/// As a JSON string needs it (RFC 8259, 7).
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => safe += "\\\"",
            '\\' => safe += "\\\\",
            '\n' => safe += "\\n",
            '\t' => safe += "\\t",
            '\r' => safe += "\\r",
            '\0'..='\u{1f}' | '\u{7f}' => safe += &format!("\\u{:04x}", c as u32),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_text_is_one_line_whatever_it_says() {
        let line = json(Author::Worker(3), Level::Warning, "a \"b\"\\\n\t\u{1}é");
        assert!(
            line.starts_with("{\"time\":\"2") && line.ends_with("}\n"),
            "{line}"
        );
        assert!(
            line.contains(r#""level":"WARNING","role":"worker","#),
            "{line}"
        );
        assert!(
            line.contains(r#""id":3,"text":"a \"b\"\\\n\t\u0001é""#),
            "{line}"
        );
        assert_eq!(line.matches('\n').count(), 1);
    }

    #[test]
    fn text_lines_are_what_tools_parse() {
        let options = Options {
            date_format: c"D".into(),
            ..Options::default()
        };
        let pid = process::pid();
        let line = plain(&options, Author::Manager, Level::Error, "x");
        assert_eq!(line, format!("[D ${pid}.0]\tERROR\tx\n"));
        let precise = Options {
            microseconds: true,
            ..options
        };
        let line = plain(&precise, Author::Master, Level::Info, "x");
        let micros = line
            .strip_prefix("[D<.")
            .and_then(|rest| rest.split_once("> #"));
        assert!(
            micros.is_some_and(|(n, _)| n.parse::<u32>().is_ok()),
            "{line}"
        );
    }
}
