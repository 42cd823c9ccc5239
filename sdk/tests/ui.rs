//! What an author reads who writes something wrong: the error is at their line and says what to write.

#[test]
fn a_mistake_is_explained_at_the_authors_line() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
