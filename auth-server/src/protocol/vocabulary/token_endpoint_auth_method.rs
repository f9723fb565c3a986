//! token_endpoint_auth_method
