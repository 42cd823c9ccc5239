//! What there is to see of the admin API in a browser without a console: JSON.

use weir_testkit::browser::{Look, Site, journey};
use weir_testkit::fakes::admin::Fakes;

#[test]
fn who_types_the_api_s_address_reads_its_description_and_is_told_that_a_token_is_needed() {
    let site = Site::of(Fakes::default().api());
    journey("today", &Look::DESK, site.origin(), |page| {
        // For what was asked, and for the icon that a browser looks for.
        page.expect_status(401);
        page.go("/rules");
        assert_eq!(page.status(), 401);
        page.says("urn:weir:problem:unauthorized");
        page.check("no token");
    });
    let open = Fakes { tokens: None, rules: 200, partitions: 1_000, ..Fakes::default() };
    let site = Site::of(open.api());
    journey("today.open", &Look::DESK, site.origin(), |page| {
        // There is no icon.
        page.expect_status(404);
        page.go("/openapi.json");
        assert_eq!((page.status(), page.address()), (200, "/openapi.json".to_owned()));
        page.says("/dead-letters");
        assert!(page.weight() > 10_000, "{}", page.weight());
        page.go("/rules");
        page.says("rule_199");
        page.go("/pipeline");
        page.says("\"partition\":999");
    });
}
