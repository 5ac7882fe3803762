//! A name that is new: the password again, an invite, and back.

use super::*;
use crate::base::tongue::Tongue;

#[test]
fn a_new_name_is_registered_with_the_password_again() {
    let mut story = Story::with((60, 16), true, Some("correct horse"));
    story.presses(KeyCode::Enter);
    assert!(!story.tried().1.registers);
    story.is_new(false);
    insta::assert_snapshot!(story.screen(), @"
    chat-client

     Nobody called 'anna' has this password here. To register
     'anna' as a new name, write the password again; if the
     name is yours already, mend the password.

     Server    localhost
     Port      2428
     Name      anna
     Password  •••••••••••••
     Again     ▏




    Enter registers · Tab field · Esc back
    ");
    story.enters("correct house");
    assert_eq!(story.form.actions(), []);
    assert!(story.tells("not the same as the password above"));
    story.enters("correct horse");
    let (_, wish) = story.tried();
    assert!(wish.registers && wish.invite.is_none());
    // One that is too easy is replaced, and written twice.
    story.wrong(
        Field::Password,
        "the password is one that everybody tries first; take another",
    );
    story.ctrl('u');
    story.enters("battery staple");
    story.enters("battery staple");
    let (_, wish) = story.tried();
    assert_eq!(
        (exposed(&wish.password), wish.registers),
        (Some("battery staple"), true)
    );
    // Somebody has the name: then it is about their password.
    story.wrong(Field::Name, "'anna' is taken");
    assert!(!story.tells("Again"));
    story.presses(KeyCode::Enter);
    assert!(!story.tried().1.registers);
    // A mistyped password of one's own.
    story.is_new(false);
    story.presses(KeyCode::Up);
    story.types("!");
    assert!(!story.tells("Again"));
    story.presses(KeyCode::Enter);
    assert_eq!(exposed(&story.tried().1.password), Some("battery staple!"));
    story.is_new(false);
    story.presses(KeyCode::Esc);
    assert!(!story.tells("Again"));
    assert_eq!(story.form.actions(), []);
    story.presses(KeyCode::Esc);
    assert_eq!(story.form.actions(), [Action::End]);
}

#[test]
fn a_short_password_is_none_for_a_new_name() {
    let mut story = Story::with((60, 14), true, Some("short"));
    story.presses(KeyCode::Enter);
    story.tried();
    story.is_new(false);
    assert!(story.tells("at least 8 characters"));
    story.types(" but longer");
    story.presses(KeyCode::Tab);
    story.enters("short but longer");
    assert!(story.tried().1.registers);
}

#[test]
fn an_invite_is_asked_for_where_it_takes_one() {
    let mut story = Story::with((60, 18), true, Some("correct horse"));
    story.presses(KeyCode::Enter);
    story.tried();
    story.is_new(true);
    story.enters("correct horse");
    story.presses(KeyCode::Enter);
    assert_eq!(story.form.actions(), []);
    insta::assert_snapshot!(story.screen(), @"
    chat-client

     Nobody called 'anna' has this password here. To register
     'anna' as a new name, write the password again, and the
     invite that its admin gave you; if the name is yours
     already, mend the password.

     Server    localhost
     Port      2428
     Name      anna
     Password  •••••••••••••
     Again     •••••••••••••
     Invite    ▏
               a new name takes an invite here; ask its admin
               for one


    Enter registers · Tab field · Esc back
    ");
    story.enters("ABC-DEF");
    assert_eq!(exposed(&story.tried().1.invite), Some("ABC-DEF"));
    story.wrong(Field::Invite, "this invite is used up; ask for another");
    story.ctrl('u');
    story.enters("GHI-JKL");
    let (_, wish) = story.tried();
    assert_eq!(
        (exposed(&wish.invite), wish.registers),
        (Some("GHI-JKL"), true)
    );
}

#[test]
fn in_russian() {
    Tongue::Russian.spoken_in(|| {
        let mut story = Story::with((64, 16), true, Some("correct horse"));
        story.presses(KeyCode::Enter);
        story.tried();
        story.is_new(true);
        insta::assert_snapshot!(story.screen(), @"
        chat-client

         Никого по имени «anna» с таким паролем здесь нет. Чтобы
         зарегистрировать «anna» как новое имя, повторите пароль и
         впишите приглашение, которое вам дал администратор; если имя
         уже ваше, исправьте пароль.

         Сервер       localhost
         Порт         2428
         Имя          anna
         Пароль       •••••••••••••
         Ещё раз      ▏
         Приглашение


        Enter создать · Tab поле · Esc назад
        ");
    });
}
