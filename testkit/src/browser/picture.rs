//! Pictures of pages, for people.

use serde_json::json;

use super::Page;
use crate::stack::root;

/// In CSS pixels: of 10,000 letters, the beginning will do.
const HIGHEST: f64 = 4_000.0;

/// Writes `target/screenshots/NAME.png`: the whole page, also what is below the window.
pub(super) fn take(page: &Page<'_>, name: &str) {
    to_the_front(page);
    let size = page.must("Page.getLayoutMetrics", json!({}))["cssContentSize"].clone();
    let side = |key: &str| size[key].as_f64().unwrap_or(1.0).max(1.0);
    write(page, name, side("width"), side("height").min(HIGHEST));
}

/// The same of as much of the page, from its top, as the window shows: pictures of one look have one size.
pub(super) fn take_window(page: &Page<'_>, name: &str) {
    to_the_front(page);
    write(page, name, f64::from(page.look.width), f64::from(page.look.height));
}

/// Of a tab behind another one nothing is drawn as long as nothing changes, and the picture would never come.
fn to_the_front(page: &Page<'_>) {
    page.must("Page.bringToFront", json!({}));
}

/// Width and height in CSS pixels, which are the picture's.
fn write(page: &Page<'_>, name: &str, width: f64, height: f64) {
    let clip = json!({ "x": 0, "y": 0, "width": width, "height": height, "scale": 1 });
    let taken =
        page.must("Page.captureScreenshot", json!({ "format": "png", "captureBeyondViewport": true, "clip": clip }));
    let folder = root().join("target/screenshots");
    std::fs::create_dir_all(&folder).expect("target/ is writable");
    let bytes = bytes(taken["data"].as_str().expect("a picture"));
    std::fs::write(folder.join(format!("{name}.png")), bytes).expect("target/ is writable");
}

/// What Base64 stands for.
fn bytes(text: &str) -> Vec<u8> {
    let digit = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u8> = text.trim_end_matches('=').bytes().map(digit).collect();
    // Four digits are three bytes; fewer at the end are one byte less than digits.
    let quads = digits.chunks(4).flat_map(|quad| {
        let number = quad.iter().fold(0_u32, |sum, digit| (sum << 6) | u32::from(*digit)) << (6 * (4 - quad.len()));
        number.to_be_bytes()[1..].iter().copied().take(quad.len() - 1).collect::<Vec<_>>()
    });
    quads.collect()
}

#[test]
fn base_64_is_read_as_it_was_meant() {
    for (text, meant) in
        [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYmFy", "foobar"), ("8J+YgA==", "😀")]
    {
        assert_eq!(bytes(text), meant.as_bytes(), "{text}");
    }
}
