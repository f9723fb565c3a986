//! Which scopes of which resource need no question.
