//! temp
#[derive(Debug, askama::Template)]
#[template(
    source = "{{username}}{% for g in grants %}<form method=post action='{{base}}/account/grants/{{g.id}}/revoke'><input type=hidden name=csrf value='{{csrf}}'><button>{{g.client_name}}</button></form>{% endfor %}{% for s in sessions %}<form method=post action='{{base}}/account/sessions/{{s.id}}/end'><input type=hidden name=csrf value='{{csrf}}'></form>{% endfor %}",
    ext = "html"
)]
pub struct AccountPage {
    pub base: String,
    pub csrf: String,
    pub username: String,
    pub grants: Vec<GrantView>,
    pub sessions: Vec<SessionView>,
}
#[derive(Debug)]
pub struct GrantView {
    pub id: String,
    pub client_name: String,
}
#[derive(Debug)]
pub struct SessionView {
    pub id: String,
}
