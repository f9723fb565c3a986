//! temp
#[derive(Debug, askama::Template)]
#[template(
    source = "<form method=post action='{{action}}'><input type=hidden name=csrf value='{{csrf}}'><input name=username value='{{username}}'><input name=password type=password><button>Sign in</button></form>{% if let Some(e) = error %}{{e}}{% endif %}{% if let Some(c) = client_name %}{{c}}{% endif %}",
    ext = "html"
)]
pub struct LoginPage {
    pub action: String,
    pub csrf: String,
    pub client_name: Option<String>,
    pub username: String,
    pub error: Option<String>,
}
