//! The sample MCP server of `serve --sample`.
