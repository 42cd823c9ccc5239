//! The console's pages in a real browser, as people walk through them (`weir_testkit::browser`).
//!
//! # The journeys
//!
//! Each is a test of this name over a running engine (`TestPipeline`). "Checks" stands for `Page::check`: no barrier that axe-core
//! finds, no error of the console, nothing against the policy, no request to another origin, no page wider than its window, and a
//! picture. Every page that a journey comes to is checked. Who: people of `[admin.people]` (`people`): *ana* may read, values and
//! publish, *ben* may read and values, *cem* may only read; `amount` is `sensitive` where cem looks.
//!
//! | journey | look | steps | asserts, beside the checks |
//! |---|---|---|---|
//! | `stranger::a_stranger_finds_why_a_record_was_rejected` | desk | ben signs in; Now; "Dead letters"; the group of one code; the letter; then types the record's position (`0@17`) | the group says code, rule, version and a sample; the letter shows the record's bytes as produced, the decoded fields, every hit, the revision and the version's sha256; its address opened by cem shows the same letter without bytes, key and details |
//! | `module::a_bad_module_is_uploaded_and_mended` | desk | ana uploads a text, a module that imports `wasi_snapshot_preview1.fd_write`, then a good one; publishes it as shadow, with a reason | what the check found is shown with what to mend, status 415 and 422, and the rule set's revision stayed; the good one's page says before it is done what will change; afterwards the rule is there in mode shadow, and the audit has ana and the reason |
//! | `swap::a_rule_is_swapped_and_rolled_back` | desk | ana sets a parameter by the form; reads from which offsets it is in force; an older tab sends its form; publishes another build; rolls back with a reason | hits follow the parameter; the page has the offsets of `/activations`; the old tab gets 409 with the difference, and nothing changed; the rollback brings back the version with what it was set to, and is in the audit with its reason |
//! | `viewer::a_viewer_is_stopped` | desk | ben looks for the buttons of a rule and sends a form nevertheless; his token is replaced (SIGHUP); a page of another origin posts a form with ana's session | words why in the place of each button; both posts are 403 and change nothing; after SIGHUP the live page says that the session has ended, the next asks for a token, and the old one is refused; the cookie is HttpOnly and SameSite=Strict, and gone after signing out |
//! | `database::the_database_goes_away_and_comes_back` | desk | a MariaDB of the test's own is stopped while Now is open; ana tries to change a rule; it is started again | Now says that the database is away, and that what it shows is of this instance alone, and since when; the change is 503 with what to do; afterwards Now says that it is up, without a reload |
//! | `instances::two_instances_are_one_console` | desk | two engines in one group; ana reads Now at one and, with the same cookie, at the other; one is killed | both show a row for each instance and every partition with its owner; what is a sum over instances says so; the killed one is not heard of, and the other has its partitions |
//! | `thousands::ten_thousand_letters_are_listed` | desk | ben looks at the groups, filters by code, rule and version, by key, goes back, downloads | each page weighs 60 KiB at most (`Page::weight`) and says what was cut; the filter is in the address and there again behind the back button; the download has as many letters as it says at most, none twice |
//! | `keyboard::everything_is_done_by_keyboard` | desk | ana signs in, skips to the content, opens a rule, sets a parameter, rolls back, signs out: Tab, Shift+Tab, Enter, Space only (`Page::tab_to`, `Page::press`) | every stop has a name and shows the focus; refreshes of the part that has it do not move it |
//! | `plain::everything_is_read_and_done_without_scripts` | plain | the journeys of the stranger and of the swap again | the same; the time of the page is said |
//! | `looks::in_dark_colors` | dark | every page once, filled | the background is dark (`getComputedStyle`), contrast by axe-core; each page weighs 60 KiB at most |
//! | `looks::on_a_narrow_telephone` | narrow | every page once, filled; a parameter is set and a rule rolled back | no page is wider than 360 pixels; wide tables scroll in a box that the Tab key reaches; each page weighs 60 KiB at most |
//! | `hostile::hostile_texts_are_data` | desk | keys, values, names and values of headers, details of rules, and addresses of pages with `<script>`, `"><img src=x onerror=…>`, `javascript:`, bidi overrides, control characters, bytes that are no UTF-8, 20,000 characters in one line | each is shown as text with its odd characters marked; no script ran (`window.hit` is undefined) and nothing was against the policy; letters and records have the bytes as they were |
//! | `first::a_first_start_says_what_is_missing` | narrow, desk | an engine without a rule and without a record; then both | Now says what is missing with the command for it, and no page has an empty table; then it is filled without a reload |
//! | `live::live_parts_leave_forms_alone` | desk | Now and a rule's form are open for three refreshes; a field is half filled; the page is hidden and shown again | what is typed and the focus stay; numbers moved; no request while it is hidden |
//! | `tried::a_record_is_tried_and_becomes_a_test` | desk | ben picks a record by its position, changes a parameter, reads the verdicts, takes the test | verdicts are those of `POST /evaluate`; the Rust test names the rule, the parameter and the record's values; nothing was changed |
//! | `flags::flags_are_tailed` | desk | ben opens the alerts, by key; pauses, goes on; groups by code | the list stands still while it is paused, and what came since is counted; cem sees neither keys nor details |
//! | `charted::windows_are_charted` | desk, dark | ben looks at charts and rows; downloads CSV; cem looks | the table under the charts and the file have the numbers of `risk_stats` to the cent; open and final windows and late additions are told by words; measures of a sensitive field are hidden |
//! | `demo::the_demo_is_full_of_life` | desk | `weir demo --live`; Now, the window's chart, alerts, a swap by clicking | the chart moves; the other version is in force and has hits |
//!
//! `plans` looks at what pages that refresh ask of the database. `now`, `rules`, `letters` and `windows` look at the pages over the fakes,
//! without services; `harness` and `today` at the browser's
//! client and at the API without a page.

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
mod plans;
mod rules;
mod stranger;
mod swap;
mod thousands;
mod today;
mod tried;
mod viewer;
mod windows;
