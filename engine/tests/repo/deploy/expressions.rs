//! What an expression of Prometheus' language names. Not its grammar: promtool has that.

/// The words of an expression that are names.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Names {
    /// Metrics, each with the labels that are matched in the braces behind it.
    pub(super) series: Vec<(String, Vec<String>)>,
    /// Labels of `by (…)`, `on (…)` and the like.
    pub(super) grouped: Vec<String>,
    /// Label and value of each `label="value"` of these metrics.
    pub(super) values: Vec<(String, String)>,
}

#[derive(Debug, PartialEq)]
enum Token {
    Word(String),
    /// What is in quotes.
    Text(String),
    Sign(char),
}

/// What a list of labels in parentheses follows.
const BEFORE_LABELS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];

impl Names {
    pub(super) fn of(expression: &str) -> Self {
        let mut names = Self::default();
        let mut tokens = tokens(expression).into_iter().peekable();
        while let Some(token) = tokens.next() {
            let Token::Word(word) = token else { continue };
            if BEFORE_LABELS.contains(&word.as_str()) && tokens.next_if_eq(&Token::Sign('(')).is_some() {
                for token in tokens.by_ref().take_while(|token| *token != Token::Sign(')')) {
                    names.grouped.extend(match token {
                        Token::Word(label) => Some(label),
                        _ => None,
                    });
                }
            } else if word.starts_with("weir_") || word == "up" {
                let (mut matched, mut signs) = (Vec::new(), String::new());
                if tokens.next_if_eq(&Token::Sign('{')).is_some() {
                    for token in tokens.by_ref().take_while(|token| *token != Token::Sign('}')) {
                        match token {
                            Token::Word(label) => {
                                signs.clear();
                                matched.push(label);
                            }
                            Token::Sign(sign) => signs.push(sign),
                            // Behind `=~` is a pattern, and behind `!=` what is not wanted.
                            Token::Text(value) if signs == "=" => {
                                names.values.push((matched.last().cloned().unwrap_or_default(), value));
                            }
                            Token::Text(_) => {}
                        }
                    }
                }
                names.series.push((word, matched));
            }
        }
        names
    }
}

fn tokens(expression: &str) -> Vec<Token> {
    let is_of_a_word = |c: char| c.is_ascii_alphanumeric() || "_:$.".contains(c);
    let (mut tokens, mut rest) = (Vec::new(), expression);
    while let Some(first) = rest.chars().next() {
        if first == '"' {
            let (text, after) = rest[1..].split_once('"').expect("a text that is begun ends");
            tokens.push(Token::Text(text.to_owned()));
            rest = after;
        } else if is_of_a_word(first) {
            let end = rest.find(|c| !is_of_a_word(c)).unwrap_or(rest.len());
            tokens.push(Token::Word(rest[..end].to_owned()));
            rest = &rest[end..];
        } else {
            tokens.extend((!first.is_whitespace()).then_some(Token::Sign(first)));
            rest = &rest[first.len_utf8()..];
        }
    }
    tokens
}

/// What is in each `{{ … }}` of a text.
pub(super) fn braced(text: &str) -> Vec<String> {
    text.split("{{").skip(1).filter_map(|rest| Some(rest.split_once("}}")?.0.trim().to_owned())).collect()
}

#[test]
fn metrics_labels_and_values_are_found_wherever_they_stand() {
    let expression =
        r#"sum by (job, le) (rate(weir_a_bucket{code="X",job=~"$job",mode!="live"}[5m])) / on (job) group_left up > 1"#;
    let names = Names::of(expression);
    let matched = ["code", "job", "mode"].map(str::to_owned).to_vec();
    assert_eq!(names.series, [("weir_a_bucket".to_owned(), matched), ("up".to_owned(), Vec::new())]);
    assert_eq!(names.grouped, ["job", "le", "job"]);
    assert_eq!(names.values, [("code".to_owned(), "X".to_owned())]);
    assert_eq!(
        braced("{{rule}} of {{ $labels.job }}, {{ $value | humanize }}"),
        ["rule", "$labels.job", "$value | humanize"]
    );
}
