//! temp
#[derive(Debug, askama::Template)]
#[template(
    source = "<form method=post action='{{action}}'><input type=hidden name=csrf value='{{csrf}}'><input name=username value='{{username}}'><input name=password type=password><input name=repeat type=password><button>Create</button></form>{% if let Some(e) = error %}{{e}}{% endif %}",
    ext = "html"
)]
pub struct SetupPage {
    pub action: String,
    pub csrf: String,
    pub username: String,
    pub error: Option<String>,
}
