//! The API, defined once: what stands here is in the router and in the OpenAPI document, and nothing else is in either
//! (tested). In: the handlers with their `utoipa::path`. Out: the routes for `door`, the document for everyone.
//! A new route is a handler with `#[utoipa::path(...)]` and one line below.

use std::sync::Arc;

use axum::Json;
use utoipa::openapi::{Components, Content, Info, OpenApi, Ref, ResponseBuilder};
use utoipa::{PartialSchema, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::door::Shared;
use super::problem::Told;
use super::{alerts, analyses, api, events, evidence, settings, vitals};

/// What needs no token.
pub fn open() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(api::login)).routes(routes!(api::logout))
}

/// What needs the token, where one is set.
pub fn guarded() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new()
        .routes(routes!(document))
        .routes(routes!(api::status))
        .routes(routes!(api::list, api::add))
        .routes(routes!(api::remove))
        .routes(routes!(api::restart))
        .routes(routes!(events::list))
        .routes(routes!(events::one, events::review))
        .routes(routes!(events::thumbnail))
        .routes(routes!(events::export))
        .routes(routes!(events::history))
        .routes(routes!(settings::list, settings::change))
        .routes(routes!(settings::effect))
        .routes(routes!(settings::storage))
        .routes(routes!(vitals::faces))
        .routes(routes!(vitals::health))
        .routes(routes!(vitals::model))
        .routes(routes!(analyses::list, analyses::upload))
        .routes(routes!(analyses::get, analyses::remove))
        .routes(routes!(analyses::picture))
        .routes(routes!(alerts::list))
        .routes(routes!(alerts::acknowledge))
        .routes(routes!(alerts::resolve))
        .routes(routes!(alerts::mark_false))
        .routes(routes!(evidence::store))
        .routes(routes!(evidence::list))
        .routes(routes!(evidence::file))
        .routes(routes!(alerts::targets))
        .routes(routes!(alerts::deliveries))
        .routes(routes!(alerts::replay))
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "program", responses((status = 200, body = Object)))]
pub async fn document() -> Json<OpenApi> {
    Json(written())
}

/// Every operation may also answer with the one error body.
fn written() -> OpenApi {
    let info = Info::new("TrueVision", env!("CARGO_PKG_VERSION"));
    let router = OpenApiRouter::with_openapi(OpenApi::new(info, utoipa::openapi::Paths::new()));
    let mut document = router.nest("/api/v1", open().merge(guarded())).into_openapi();
    let error = Content::new(Some(Ref::from_schema_name(Told::name())));
    let refused = ResponseBuilder::new().description("refused").content("application/json", error).build();
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            operation.responses.responses.insert("default".into(), refused.clone().into());
        }
    }
    document.components.get_or_insert_with(Components::new).schemas.insert(Told::name().into(), Told::schema());
    document
}
