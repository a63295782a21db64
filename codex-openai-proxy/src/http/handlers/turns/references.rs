//! Items of the input that name what was said before in place of saying it.

use crate::{http::AppState, turn::TurnError, wire::object::Object};
use serde_json::Value;
use std::collections::HashMap;

/// The length of the name that a response gives to its items, in characters.
const NAME: usize = 32;

/// Puts the stored items into `input` that its `item_reference` items name.
///
/// # Errors
///
/// [`TurnError::InvalidRequest`] for one that is not stored, or not any more.
pub(super) async fn resolve(state: &AppState, body: &mut Object) -> Result<(), TurnError> {
    let Some(Value::Array(items)) = body.get_mut("input") else {
        return Ok(());
    };
    let mut known: HashMap<String, Vec<Value>> = HashMap::new();
    for (at, item) in items.iter_mut().enumerate() {
        let Some(id) = reference(item) else { continue };
        let not_found = || TurnError::InvalidRequest {
            message: format!(
                "Item with id '{id}' not found. Items are stored with their response."
            ),
            param: Some(format!("input[{at}].id")),
            code: Some("item_not_found"),
        };
        let response = response_of(id).ok_or_else(not_found)?;
        if !known.contains_key(&response) {
            let items = state.responses.items(&response).await?;
            known.insert(response.clone(), items.ok_or_else(not_found)?);
        }
        let found = known[&response].iter().find(|item| item["id"] == id);
        *item = found.cloned().ok_or_else(not_found)?;
    }
    Ok(())
}

/// The id of the item that this one stands for.
fn reference(item: &Value) -> Option<&str> {
    if item.get("type")? != "item_reference" {
        return None;
    }
    item.get("id")?.as_str()
}

/// The response that an item belongs to. Its name is in the ids of its items.
fn response_of(item: &str) -> Option<String> {
    let (_, rest) = item.split_once('_')?;
    let name = rest.get(..NAME)?;
    Some(format!("resp_{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn items_lead_to_their_response() {
        let name = "0123456789abcdef0123456789abcdef";
        let response = Some(format!("resp_{name}"));
        assert_eq!(response_of(&format!("msg_{name}0")), response);
        assert_eq!(response_of(&format!("fc_{name}in12")), response);
        assert_eq!(response_of("msg_1"), None);
        assert_eq!(response_of(name), None);
    }

    #[test]
    fn only_references_are_references() {
        let is = |item: &Value| reference(item).map(str::to_owned);
        assert_eq!(
            is(&json!({"type": "item_reference", "id": "a"})).as_deref(),
            Some("a")
        );
        assert_eq!(is(&json!({"type": "message", "id": "a"})), None);
        assert_eq!(is(&json!("item_reference")), None);
    }
}
