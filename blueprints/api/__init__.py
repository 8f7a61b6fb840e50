"""The JSON API, `/api/v1`: one file a resource, whose views read as their contract; `document` joins them."""
