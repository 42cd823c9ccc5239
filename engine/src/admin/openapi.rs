//! `/openapi.json`, made from the handlers and views themselves, so that it cannot say other than the code.

use axum::Json;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, OpenApi as Document, Ref, RefOr, ResponseBuilder, path::Operation};
use utoipa::{Modify, OpenApi};

use super::problem::Problem;
use super::{alerts_api, changes_api, evaluate_api, now_api, pipeline_api, records_api, rules_api, windows_api};

#[derive(OpenApi)]
#[openapi(
    info(title = "Weir admin API", description = "Rules in and out while records flow, and what the pipeline does."),
    paths(
        rules_api::list,
        rules_api::publish,
        rules_api::check,
        changes_api::plan,
        changes_api::rule_history,
        rules_api::show,
        rules_api::patch,
        rules_api::rollback,
        rules_api::retire,
        evaluate_api::evaluate,
        pipeline_api::pipeline,
        now_api::instances,
        now_api::history,
        windows_api::windows,
        windows_api::windows_csv,
        pipeline_api::activations,
        pipeline_api::audit,
        records_api::letters,
        records_api::letters_ndjson,
        records_api::groups,
        records_api::letter,
        records_api::letter_value,
        records_api::record,
        records_api::record_value,
        alerts_api::alerts,
        pipeline_api::metrics,
        pipeline_api::livez,
        pipeline_api::readyz,
        serve
    ),
    components(schemas(Problem)),
    security(("token" = [])),
    modifiers(&Everywhere)
)]
struct Api;

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "pipeline",
    responses((status = 200, body = serde_json::Value, content_type = "application/json")))]
pub(super) async fn serve() -> Json<Document> {
    Json(Api::openapi())
}

/// What holds for every path: the token, the errors that any request may meet, and how an error looks.
struct Everywhere;

impl Modify for Everywhere {
    fn modify(&self, document: &mut Document) {
        let bearer = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        document.components.get_or_insert_default().add_security_scheme("token", bearer);
        for item in document.paths.paths.values_mut() {
            let all = [&mut item.get, &mut item.post, &mut item.patch, &mut item.delete];
            all.into_iter().flatten().for_each(complete);
        }
    }
}

fn complete(operation: &mut Operation) {
    let open = operation.tags.iter().flatten().any(|tag| tag == "probes");
    let common: &[&str] = if open { &["500"] } else { &["400", "401", "403", "429", "500", "503", "504"] };
    let responses = &mut operation.responses.responses;
    for status in common {
        responses.entry((*status).to_owned()).or_insert_with(|| RefOr::T(ResponseBuilder::new().build()));
    }
    for (status, response) in responses {
        if let RefOr::T(response) = response
            && (status.starts_with('4') || status.starts_with('5'))
        {
            let schema = Content::new(Some(Ref::from_schema_name("Problem")));
            response.content.clear();
            response.content.insert("application/problem+json".into(), RefOr::T(schema));
        }
    }
}
