//! Fields whose values are not for everybody, where the configuration could show them all the same.

use super::{changed, error, parse};

#[test]
fn what_is_sensitive_under_one_name_is_so_under_every_other() {
    let twice = |more: &str| {
        let sensitive = "name_dest = { kind = \"text\", sensitive = true }";
        let other = format!("{sensitive}\nother_name = {{ kind = \"text\", path = \"/name_dest\"{more} }}");
        changed("name_dest = { kind = \"text\" }", &other)
    };
    let told = error(&twice(""));
    assert_eq!(
        told,
        "record.fields.other_name: reads what name_dest reads, which is sensitive: write sensitive = true"
    );
    assert!(parse(&twice(", sensitive = true")).is_ok());
    let neither = "name_dest = { kind = \"text\" }\nother_name = { kind = \"text\", path = \"/name_dest\" }";
    assert!(parse(&changed("name_dest = { kind = \"text\" }", neither)).is_ok(), "nobody hides it");
}
