//! What has to be met in so many lives: inputs and effects of the engine, its refusals, the wire's errors, the clients'
//! events. What is not in the lists is beside the matter here (invites, imports, lists of the admin).

use super::seen::Seen;

/// In some hundred lives.
const OFTEN: [(&str, &str); 6] = [
    ("outcome", "Appended Changed Foreign Cleared"),
    (
        "input",
        "Request:Register Request:Login Request:Resume Request:Logout Request:Send Request:Join Request:Leave \
         Request:Create Request:Rooms Request:Who Request:History Request:Search Request:Read Request:Topic \
         Request:Redact Request:Moderate Request:ChangePassword Request:Typing Gone Refresh Stored:Appended \
         Stored:Changed Stored:many NotStored:Full NotStored:Broken Searched Password:Hashed Password:Right Password:Wrong Password:Busy \
         Password:Broken Call:SetDisabled Call:Announce Call:Kick Call:RevokeSession Call:CreateRoom Call:RemoveRoom \
         Call:RemoveUser Call:SetTopic Call:ClearHistory Call:Redact Call:SetModerator Call:Moderate Call:SetPassword \
         Call:AddUser Call:Probe Call:Counts Reload Tick Stop",
    ),
    (
        "effect",
        "Tell:Welcome Tell:Ok Tell:Sent Tell:Joined Tell:Left Tell:Rooms Tell:Who Tell:Read Tell:Removed Tell:Refused \
         Signal:Presence Signal:Topic Signal:Cleared Signal:Typing Signal:Role Tell:Notice Admit Dismiss Attach Detach \
         Close:ShuttingDown Close:Kicked Close:AccountRemoved Close:AccountDisabled Close:SessionEnded \
         Append Redact Clear Forget Commit Deliver Query:History Query:Search Password Reply Note Stopped",
    ),
    (
        "refusal",
        "NotLoggedIn LoggedIn WrongPassword DeadToken NameTaken RoomTaken AccountDisabled NoSuchRoom NoSuchUser \
         NoSuchMessage NotYours NotAMember NotThere NoRight Outranked Barred LobbyStays Yourself LimitReached \
         Busy StorageFull ShuttingDown Internal",
    ),
    (
        "event",
        "Greeted Back Message Own Sent Delayed Failed Answer Push Expired Lost Ended Waiting",
    ),
    (
        "push",
        "Presence Topic Cleared Removed Role Read Typing Notice Joined Left",
    ),
];

/// In some thousands: what comes a few times in some hundred could be missing there by chance after any change.
const SELDOM: [(&str, &str); 4] = [
    ("outcome", "Taken Missing Unchanged"),
    ("effect", "Close:LoginAttempts Close:Banned Tell:Kicked Bar"),
    ("refusal", "RateLimited LoginsLimited"),
    ("push", "Kicked"),
];
const SELDOM_LIVES: u64 = 5_000;

/// Fails when a kind was never met.
pub fn check(seen: &Seen, lives: u64) {
    let seldom = SELDOM.iter().filter(|_| lives >= SELDOM_LIVES);
    let mut missing = Vec::new();
    for (list, kinds) in OFTEN.iter().chain(seldom) {
        let met = seen.kinds(list);
        let never = kinds
            .split_whitespace()
            .filter(|kind| !met.contains_key(*kind));
        missing.extend(never.map(|kind| format!("{list} {kind}")));
    }
    assert!(
        missing.is_empty(),
        "never met in {lives} lives: {missing:?}"
    );
}
