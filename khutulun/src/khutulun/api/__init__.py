"""The HTTP API: routes declared as data, the server that answers them, and the OpenAPI document made from them."""
