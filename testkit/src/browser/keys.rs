//! Keys, as a keyboard sends them.

use serde_json::{Value, json};

/// A key, with what is held beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// To the next stop.
    Tab,
    /// To the one before.
    ShiftTab,
    /// Follows a link, presses a button, sends a form.
    Enter,
    /// Presses a button, ticks a box.
    Space,
    /// Closes a dialog.
    Escape,
    /// In a list or among radio buttons.
    Up,
    /// In a list or among radio buttons.
    Down,
    /// Any other that writes a character.
    Char(char),
}

/// Down and up again.
pub(super) fn messages(key: Key) -> [Value; 2] {
    let character;
    let (name, code, number, text) = match key {
        Key::Tab | Key::ShiftTab => ("Tab", "Tab", 9, ""),
        Key::Enter => ("Enter", "Enter", 13, "\r"),
        Key::Space => (" ", "Space", 32, " "),
        Key::Escape => ("Escape", "Escape", 27, ""),
        Key::Up => ("ArrowUp", "ArrowUp", 38, ""),
        Key::Down => ("ArrowDown", "ArrowDown", 40, ""),
        Key::Char(c) => {
            character = c.to_string();
            (character.as_str(), "", 0, character.as_str())
        }
    };
    let modifiers = if key == Key::ShiftTab { 8 } else { 0 };
    let message = |kind: &str| json!({ "type": kind, "key": name, "code": code, "windowsVirtualKeyCode": number, "modifiers": modifiers });
    let mut down = message(if text.is_empty() { "rawKeyDown" } else { "keyDown" });
    if !text.is_empty() {
        (down["text"], down["unmodifiedText"]) = (text.into(), text.into());
    }
    [down, message("keyUp")]
}
