//! A document as text: its commands in order, and what it calls a command in passing.

/// The commands of every `sh` or `console` block, one a line, each as it is.
pub(crate) fn commands(text: &str) -> Vec<String> {
    let mut commands = Vec::new();
    for_each_line(text, |language, line| {
        if matches!(language, Some("sh" | "console")) && !line.trim().is_empty() {
            commands.push(line.trim().trim_start_matches("$ ").to_owned());
        }
    });
    commands
}

/// Code in running text that begins with one of these programs.
pub(crate) fn mentioned(text: &str, programs: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for_each_line(text, |language, line| {
        if language.is_none() {
            let spans = line.split('`').skip(1).step_by(2);
            let command = |span: &&str| programs.iter().any(|program| span.starts_with(program));
            found.extend(spans.filter(command).map(str::to_owned));
        }
    });
    found
}

/// Blocks that this test would not see: indented, or in a language that it does not know.
pub(crate) fn hidden_blocks(text: &str) -> Vec<String> {
    let mut hidden = Vec::new();
    for_each_line(text, |language, line| match language {
        None if line.starts_with("    ") || line.starts_with('\t') => hidden.push(line.to_owned()),
        Some(other) if !["sh", "console", "rust", "text"].contains(&other) => {
            hidden.push(format!("```{other}: {line}"))
        }
        _ => {}
    });
    hidden
}

/// Calls with the language of the block that a line is in, if in any.
fn for_each_line<'a>(text: &'a str, mut see: impl FnMut(Option<&str>, &'a str)) {
    let mut language: Option<&str> = None;
    for line in text.lines() {
        match (line.trim_start().strip_prefix("```"), language) {
            (Some(name), None) => language = Some(name.trim()),
            (Some(_), Some(_)) => language = None,
            (None, language) => see(language, line),
        }
    }
    assert_eq!(language, None, "a block is not closed");
}

/// Without the comment behind it.
pub(crate) fn bare(command: &str) -> &str {
    command.split_once("  ").map_or(command, |(command, _)| command)
}
