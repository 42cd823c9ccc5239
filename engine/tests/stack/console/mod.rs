//! The console's pages in a real browser, as people walk through them (`weir_testkit::browser`).
//!
//! # The journeys
//!
//! Each is a test of this name, in a file of its own here, over a running engine (`TestPipeline`) unless its line says otherwise.
//! "Checks" stands for `Page::check`: no barrier that axe-core finds, no error of the console, nothing against the policy, no request to
//! another origin, no page wider than its window, and a picture. Every page that a journey comes to is checked. Who: people of
//! `[admin.people]`: *ana* may read, values and publish, *ben* may read and values, *cem* may only read; `amount` is `sensitive` where
//! cem looks.
//!
//! | journey | look | steps | asserts, beside the checks |
//! |---|---|---|---|
//! | `a_stranger_finds_why_a_record_was_rejected` | desk | ben signs in with his token; Now; "Dead letters"; the group of one code; the letter; then types its position (`0@17`) into the search from Now | Now says the share of dead letters; the group says code, rule, version, first, last and a sample; the letter shows the record's bytes as produced, the decoded fields, every hit, the revision and the version's sha256; its address opened by a second visitor (cem) shows the same letter without bytes, key and details |
//! | `a_bad_module_is_uploaded_and_mended` | desk | ana uploads a module that imports `wasi_snapshot_preview1.fd_write`; reads; uploads a good one; publishes it as shadow, with a reason | each finding of the check is shown with what to mend, status 422, and the rule set's revision stayed; the second says before it is done what will change; afterwards the rule is there in mode shadow, and the audit has ana and the reason |
//! | `a_rule_is_swapped_and_rolled_back` | desk | ana sets a parameter by the form; reads from which offsets it is in force; a second tab that is older sends its form; rolls back with a reason | hits follow the parameter; the old tab gets 409 with the difference and nothing changed; `/activations` has the offsets that the page said; parameters are as before after the rollback |
//! | `a_viewer_is_stopped` | desk | ben looks for the buttons of a rule; a page of another origin posts a form with his cookie; his token is replaced (SIGHUP) | words why in the place of each button; the foreign post is 403 and changes nothing; after SIGHUP the next page asks for a token; a wrong token is refused and the tenth is 429; the cookie is HttpOnly and SameSite=Strict |
//! | `the_database_goes_away_and_comes_back` | desk | a MariaDB of the test's own is stopped while Now is open; ana tries to publish; it is started again | Now says that the database does not answer, since when and its last error, and how old what it shows is; publishing is 503 with what to do; afterwards Now is live again without a reload |
//! | `two_instances_are_one_console` | desk | two engines in one group; ana reads Now and Rules at one and, with the same cookie, at the other; one is killed | both show a row for each instance and every partition with its owner; what is a sum over processes says so; the killed one is "not heard" after 10 s, and the other has its partitions; counters do not fall unsaid |
//! | `ten_thousand_letters_are_paged` | desk | ben filters by code and by rule, pages to the end and back, downloads | each page weighs 60 KiB at most (`Page::weight`) and says what was cut; the filter is in the address and survives the back button; the download's lines are the letters of the topic, as many as it says |
//! | `everything_is_done_by_keyboard` | desk | ana signs in, skips to the content, opens a rule, sets a parameter, confirms in the dialog, rolls back: Tab, Shift+Tab, Enter, Space, Escape only (`Page::tab_to`, `Page::press`) | every stop has a name and shows the focus; Escape closes the dialog, and the focus is where it was before; a refresh of live parts does not move it |
//! | `everything_is_read_and_done_without_scripts` | plain | the first and the third journey again | the same; nothing promises to be live; the time of the page is said |
//! | `in_dark_colors` | dark | every page once, filled | the background is dark (`getComputedStyle`), contrast by axe-core, charts and marks included |
//! | `on_a_narrow_telephone` | narrow | every page once, filled; a rule is rolled back | no page is wider than 360 pixels; wide tables scroll in a box that the Tab key reaches |
//! | `hostile_texts_are_data` | desk | keys, values, headers, details of rules, summaries of manifests and names of fields with `<script>`, `"><img src=x onerror=…>`, `javascript:` addresses, bidi overrides, control characters, bytes that are no UTF-8, 64 KiB in one line | each is shown as text with its odd characters marked; no script ran (`window.hit` is undefined) and nothing was against the policy; the download has the bytes as they were |
//! | `a_first_start_says_what_is_missing` | desk, narrow | an engine without a rule and without a record; then both | Now says what is missing with the command for it, and no empty table; then it is filled without a reload |
//! | `live_parts_leave_forms_alone` | desk | Now and a rule's form are open for three refreshes; a field is half filled; the page is hidden and shown again | what is typed and the focus stay; numbers moved, "as of" too; no request while it is hidden; a hundred tabs of Now make no read of the database (`weir_testkit::plans`) |
//! | `a_record_is_tried_and_becomes_a_test` | desk | ben picks a record by its position, changes a parameter, reads the verdicts, takes the test | verdicts are those of `POST /evaluate`; the Rust test compiles against the rule's crate and fails with the old parameter |
//! | `flags_are_tailed` | desk | ben opens the alerts, pauses, goes on; groups by key | one stream of server-sent events a browser; what was passed over in the pause is counted; a hidden field is hidden here too |
//! | `windows_are_charted` | desk, dark | ben looks at a measure by group; downloads CSV | the table under the chart has the numbers of `risk_stats` to the cent; open and final windows and late additions are told apart by more than color |
//! | `the_demo_is_full_of_life` | desk | `weir demo --live`; Now, the window's chart, a swap by clicking | the picture is README's; the swap changes the hits within 10 s |

mod charted;
mod database;
mod demo;
mod first;
mod flags;
mod harness;
mod hostile;
mod instances;
mod keyboard;
mod letters;
mod live;
mod looks;
mod module;
mod now;
mod people;
mod plain;
mod rules;
mod stranger;
mod swap;
mod thousands;
mod today;
mod tried;
mod viewer;
mod windows;
