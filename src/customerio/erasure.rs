//! Requests that delete and suppress a person.
//!
//! A suppressed identifier is ignored later, except for changes made in Customer.io itself
//! (<https://docs.customer.io/integrations/api/track/>, "Delete a customer", "Suppress a customer profile").

use http::Method;
use serde_json::json;

use super::request::{Request, v1_path};
use crate::domain::Identifier;

/// Returns the requests that delete a person and then suppress them. Both are idempotent.
pub fn erasure(identifier: &Identifier) -> [Request; 2] {
    let request =
        |method, path, body: String| Request { method, path, body: body.into(), retry: 0 };
    let Some(path) = v1_path(identifier) else {
        return ["delete", "suppress"].map(|action| {
            let identifiers = match identifier {
                Identifier::Email(email) => json!({"email": email.as_str()}),
                Identifier::Id(id) => json!({"id": id}),
            };
            let body = json!({"type": "person", "identifiers": identifiers, "action": action});
            request(Method::POST, "/api/v2/entity".to_owned(), body.to_string())
        });
    };
    let suppress = format!("{path}/suppress");
    [request(Method::DELETE, path, String::new()), request(Method::POST, suppress, String::new())]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Email;

    #[test]
    fn a_person_is_deleted_then_suppressed_by_whatever_can_carry_the_identifier() {
        let ann = Identifier::Email(Email::parse("ann+x@example.com").unwrap());
        let [delete, suppress] = erasure(&ann);
        let path = "/api/v1/customers/ann%2Bx%40example.com";
        assert_eq!((delete.method, delete.path.as_str()), (Method::DELETE, path));
        assert_eq!((suppress.method, suppress.path), (Method::POST, format!("{path}/suppress")));
        // v1 would take these for an address and for Customer.io's own id.
        for id in ["a@b", "cio_1"] {
            let [delete, suppress] = erasure(&Identifier::Id(id.to_owned()));
            for (request, action) in [(delete, "delete"), (suppress, "suppress")] {
                assert_eq!(request.path, "/api/v2/entity");
                let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
                let expected =
                    json!({"type": "person", "identifiers": {"id": id}, "action": action});
                assert_eq!(body, expected);
            }
        }
    }
}
