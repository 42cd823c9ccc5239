//! Tokens of the admin API that are read again while it runs. Those in force stay unless the new ones can be used whole: a
//! file that is being written must lock nobody out, and open no door. It knows neither signals nor files.

use tokio::sync::mpsc;

use crate::admin::Keys;
use crate::conditions::{Conditions, Severity};
use crate::config::Admin;

/// The part of the configuration that holds the tokens, or why it can't be used, without a value.
pub type TokensRead = Result<Admin, String>;

const KEPT: &str = "admin.tokens_kept";

/// Puts into force what comes.
pub(super) async fn follow(mut read: mpsc::Receiver<TokensRead>, keys: Keys, conditions: Conditions) {
    while let Some(read) = read.recv().await {
        match read.and_then(|admin| replace(&keys, &admin)) {
            Ok(changed) => {
                conditions.clear(KEPT, "");
                if !keys.open() {
                    conditions.clear(super::OPEN, "");
                }
                match changed.is_empty() {
                    true => tracing::info!("the tokens of the admin API were read again: none is another"),
                    false => tracing::info!(changed = changed.join(", "), "tokens of the admin API were replaced"),
                }
            }
            Err(why) => conditions.raise(
                Severity::Warning,
                KEPT,
                "",
                format!(
                    "the tokens of the admin API were to be read again and can't be used, those before stay in force: {why}; \
                     fix it and send SIGHUP again"
                ),
            ),
        }
    }
}

fn replace(keys: &Keys, admin: &Admin) -> Result<Vec<String>, String> {
    if Keys::new(admin).open() && !keys.open() {
        return Err("the configuration has no token any more, which would open the API; that takes a new start".into());
    }
    Ok(keys.replace(admin))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Tokens;

    fn tokens(viewer: &str, publisher: &str) -> Admin {
        let tokens = Tokens { viewer: Some(viewer.into()), publisher: Some(publisher.into()) };
        Admin { tokens, ..Admin::default() }
    }

    #[tokio::test]
    async fn tokens_that_can_t_be_used_keep_the_old_ones_and_stand_as_a_warning_until_good_ones_come() {
        let (keys, conditions) = (Keys::new(&tokens("viewer-1", "publisher-1")), Conditions::default());
        let (send, receive) = mpsc::channel(1);
        let following = tokio::spawn(follow(receive, keys.clone(), conditions.clone()));
        let bad = |why: &str| Err(why.to_owned());
        for read in [bad("admin.tokens.viewer: has 3 characters"), Ok(Admin::default()), bad("viewer: is empty")] {
            send.send(read).await.unwrap();
        }
        drop(send);
        following.await.unwrap();
        let stands = conditions.with(KEPT);
        assert!(stands.len() == 1 && stands[0].message.contains("viewer: is empty"), "{stands:?}");
        assert!(keys.knows("viewer-1") && keys.knows("publisher-1"));

        let (send, receive) = mpsc::channel(1);
        send.send(Ok(tokens("viewer-2", "publisher-1"))).await.unwrap();
        drop(send);
        follow(receive, keys.clone(), conditions.clone()).await;
        assert!(!keys.knows("viewer-1") && keys.knows("viewer-2") && keys.knows("publisher-1"));
        assert!(conditions.with(KEPT).is_empty());
    }
}
