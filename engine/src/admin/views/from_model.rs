//! From the model's words to the API's: times become RFC 3339, digests hex. Nothing else may build these by hand.

use chrono::{DateTime, SecondsFormat};

use super::*;
use crate::model::catalog::{Audit, Manifest, VersionInfo};
use crate::model::checkpoint::Activation;

/// Epoch milliseconds as RFC 3339; the bare number for a time that no calendar holds.
pub fn rfc3339(ms: i64) -> String {
    DateTime::from_timestamp_millis(ms)
        .map_or_else(|| ms.to_string(), |time| time.to_rfc3339_opts(SecondsFormat::Millis, true))
}

impl From<&Manifest> for ManifestView {
    fn from(manifest: &Manifest) -> Self {
        let kind = |kind: crate::model::record::Kind| format!("{kind:?}").to_lowercase();
        Self {
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            summary: manifest.summary.clone(),
            fields: (manifest.fields.iter())
                .map(|field| FieldView { name: field.name.clone(), kind: kind(field.kind), required: field.required })
                .collect(),
            codes: code_views(manifest),
            parameters: (manifest.parameters.iter())
                .map(|parameter| ParameterView {
                    name: parameter.name.clone(),
                    kind: kind(parameter.kind),
                    summary: parameter.summary.clone(),
                    default: parameter.default.clone(),
                })
                .collect(),
        }
    }
}

/// The codes of a manifest.
pub fn code_views(manifest: &Manifest) -> Vec<CodeView> {
    (manifest.codes.iter())
        .map(|code| CodeView { name: code.name.clone(), summary: code.summary.clone(), effect: code.effect })
        .collect()
}

impl From<VersionInfo> for VersionView {
    fn from(version: VersionInfo) -> Self {
        Self {
            sha256: version.sha256.to_string(),
            version: version.manifest.version,
            origin: version.origin,
            source: version.source,
            published_at: rfc3339(version.published_at),
            published_by: version.published_by,
        }
    }
}

impl From<Activation> for ActivationView {
    fn from(activation: Activation) -> Self {
        Self {
            partition: activation.partition.0,
            first_offset: activation.first_offset.0,
            revision: activation.revision.0,
        }
    }
}

impl From<Audit> for AuditView {
    fn from(line: Audit) -> Self {
        let Audit { at, who, action, rule, revision, detail, reason } = line;
        Self { at: rfc3339(at), who, action, rule, revision, detail, reason }
    }
}
