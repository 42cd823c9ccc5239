//! What a visitor does: with the mouse and the keys of the browser, so that what is covered cannot be clicked and what has no focus
//! cannot be typed into. Each act waits until it is possible.

use serde_json::{Value, json};

use super::Page;
use super::find::{Node, Told};
use super::keys::{self, Key};

/// How many stops the Tab key may make on a page.
const STOPS: usize = 400;

/// Brings a node into view and says where to click it, or what is in the way. A click on a control's label is one on the control.
const PLACE: &str = "function() {
    this.scrollIntoView({ block: 'center', inline: 'nearest', behavior: 'instant' });
    const box = this.getClientRects()[0];
    if (!box || !box.width || !box.height) return { why: 'it has no size' };
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    const hit = document.elementFromPoint(x, y);
    if (!hit) return { why: 'it is outside of the window' };
    if (this.disabled) return { why: 'it is disabled' };
    if (this.contains(hit) || hit.closest('label')?.control === this) return { x, y };
    return { why: 'it is covered by ' + hit.outerHTML.slice(0, 200) };
}";

/// Whether what has the focus shows it.
const SHOWS_FOCUS: &str = "function() {
    const style = getComputedStyle(this);
    const outline = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0;
    return this.matches(':focus-visible') && (outline || style.boxShadow !== 'none');
}";

impl Page<'_> {
    /// Clicks what stays on the page: a button that opens a dialog, a box, a tab.
    pub fn click(&self, role: &str, name: &str) {
        self.until(&format!("click {role} {name:?}"), || self.press_at(self.node(role, name)?));
    }

    /// Clicks what leads to another document, a link or a button that sends a form, and waits until that is there.
    pub fn follow(&self, role: &str, name: &str) {
        let before = self.document();
        self.click(role, name);
        self.arrives(&before, &format!("what {role} {name:?} leads to"));
    }

    /// Presses a key that leads to another document, and waits until that is there.
    pub fn press_to_leave(&self, key: Key) {
        let before = self.document();
        self.press(key);
        self.arrives(&before, &format!("what {key:?} leads to"));
    }

    /// Writes into a field in place of what is in it.
    pub fn fill(&self, name: &str, text: &str) {
        self.until(&format!("fill {name:?}"), || {
            let field =
                ["textbox", "searchbox", "spinbutton", "combobox"].iter().find_map(|role| self.node(role, name).ok());
            let field = field.ok_or_else(|| format!("there is no field {name:?}, but {:?}", self.names("textbox")))?;
            self.press_at(field)?;
            self.on(field, "function() { this.select() }")?;
            self.write(text);
            // A field that takes only a part of it, as one for numbers does, would send something else.
            let now = self.on(field, "function() { return this.value }")?;
            (now == text).then_some(()).ok_or_else(|| format!("it holds {now}"))
        });
    }

    /// Chooses an entry of a list by its text.
    pub fn choose(&self, name: &str, entry: &str) {
        let choose = format!(
            "function() {{
                const entry = [...this.options].find(entry => entry.label === {});
                if (!entry) return [...this.options].map(entry => entry.label).join(', ');
                this.value = entry.value;
                this.dispatchEvent(new Event('input', {{ bubbles: true }}));
                this.dispatchEvent(new Event('change', {{ bubbles: true }}));
                return null;
            }}",
            Value::from(entry)
        );
        self.until(&format!("choose {entry:?} of {name:?}"), || {
            match self.on(self.node("combobox", name)?, &choose)? {
                Value::Null => Ok(()),
                others => Err(format!("it has {others}")),
            }
        });
    }

    /// Gives a file to the field for files with this label.
    pub fn attach(&self, name: &str, file: &std::path::Path) {
        let file = file.display().to_string();
        // To assistive technology it is a button, with its label before its own text.
        self.until(&format!("attach {file} to {name:?}"), || {
            let is_it = |full: &str| full == name || full.starts_with(&format!("{name}:"));
            self.give(self.named("button", is_it)?, &[&file])
        });
    }

    /// Types a text to whatever has the focus.
    pub fn write(&self, text: &str) {
        self.must("Input.insertText", json!({ "text": text }));
    }

    /// Presses a key and lets it go.
    pub fn press(&self, key: Key) {
        for message in keys::messages(key) {
            self.must("Input.dispatchKeyEvent", message);
        }
    }

    /// What has the focus.
    pub fn focused(&self) -> Told {
        self.until("the focus", || self.focus()).1
    }

    /// Presses Tab until this has the focus. Every stop on the way has to have a role and a name, and to show that it has the focus.
    ///
    /// # Panics
    /// Where Tab does not come there, or stops at what a person cannot see.
    pub fn tab_to(&self, role: &str, name: &str) {
        let wanted = Told { role: role.into(), name: name.into() };
        let mut stops: Vec<(Node, Told)> = Vec::new();
        for _ in 0..STOPS {
            self.press(Key::Tab);
            // Behind the last stop the focus is nowhere, or at the document, once.
            let Ok((node, told)) = self.focus() else { continue };
            if told.role == "RootWebArea" {
                continue;
            }
            let shown = self.until("whether the focus shows", || self.on(node, SHOWS_FOCUS));
            assert!(
                shown == true && !told.name.is_empty(),
                "{told:?} has the focus and does not show it, or has no name"
            );
            if told == wanted {
                return;
            }
            assert!(
                !stops.iter().any(|(stop, _)| *stop == node),
                "Tab does not come to {wanted:?}, but to {:?}",
                names(&stops)
            );
            stops.push((node, told));
        }
        panic!("{STOPS} stops, and none is {wanted:?}: {:?}", names(&stops));
    }

    /// Shows the page anew, as a person does who presses F5.
    pub fn reload(&self) {
        let before = self.document();
        self.must("Page.reload", json!({}));
        self.arrives(&before, "the page anew");
    }

    fn arrives(&self, before: &Option<String>, what: &str) {
        self.until(what, || match self.document() {
            Some(now) if Some(&now) != before.as_ref() && self.is_loaded(&now) => Ok(()),
            now if now == *before => Err("the document is the same".into()),
            _ => Err("it is not loaded".into()),
        });
    }

    fn press_at(&self, node: Node) -> Result<(), String> {
        let place = self.on(node, PLACE)?;
        let (Some(x), Some(y)) = (place["x"].as_f64(), place["y"].as_f64()) else {
            return Err(place["why"].as_str().unwrap_or("it is nowhere").to_owned());
        };
        for (kind, buttons) in [("mouseMoved", 0), ("mousePressed", 1), ("mouseReleased", 0)] {
            let button = if kind == "mouseMoved" { "none" } else { "left" };
            let event = json!({ "type": kind, "x": x, "y": y, "button": button, "buttons": buttons, "clickCount": 1 });
            self.must("Input.dispatchMouseEvent", event);
        }
        Ok(())
    }
}

fn names(stops: &[(Node, Told)]) -> Vec<String> {
    stops.iter().map(|(_, told)| format!("{} {:?}", told.role, told.name)).collect()
}
