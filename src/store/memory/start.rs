//! A store with nothing in it but the lobby.

use super::*;

impl Default for MemoryStore {
    fn default() -> Self {
        let mut state = State {
            users: BTreeMap::new(),
            rooms: BTreeMap::new(),
            room_ends: BTreeMap::new(),
            members: BTreeMap::new(),
            sessions: BTreeMap::new(),
            audit: Vec::new(),
            audited: 0,
            invites: BTreeMap::new(),
            moderators: BTreeSet::new(),
            operators: BTreeSet::new(),
            bans: BTreeMap::new(),
            next_user: UserId(1),
            next_room: LOBBY,
            next_session: SessionId(1),
            next_invite: InviteId(1),
            next_offset: 1,
            is_full: false,
        };
        // It always is one; the suite shows the lobby.
        if let Ok(name) = LOBBY_NAME.parse() {
            state.add_room(&RoomRecord {
                id: LOBBY,
                form: RoomForm::Open(name),
                topic: "".into(),
                created_at: Timestamp::default(),
                first_seq: Seq(1),
                last_seq: Seq(0),
            });
        }
        Self(Arc::new(Mutex::new(state)))
    }
}
