//! Pictures in Russian, whose words are longer: nothing breaks, and what matters is seen.

use super::*;
use crate::base::tongue::Tongue;

fn in_russian<T>(work: impl FnOnce() -> T) -> T {
    Tongue::Russian.spoken_in(work)
}

#[test]
fn a_room_with_all_that_happens_there() {
    in_russian(|| {
        let mut story = Story::new((80, 24), 12, 10);
        story.pages(12);
        story.message("tea", 10, "boris", "чайник кипит");
        story.says(r#"{"type":"presence","room":"lobby","user":"olga","state":"joined"}"#);
        story.says(r#"{"type":"topic","room":"lobby","topic":"обо всём","by":"boris"}"#);
        story
            .says(r#"{"type":"role","room":"lobby","user":"olga","role":"operator","by":"boris"}"#);
        story.says(r#"{"type":"role","user":"olga","by":"boris"}"#);
        story.says(r#"{"type":"kicked","room":"tea","by":"boris","reason":"шум","banned":true,"until":"2026-11-21T10:30:00Z"}"#);
        story.writes("привет");
        story.answer(
            "send",
            r#""type":"error","code":"muted","text":"you are muted in 'lobby'""#,
        );
        story.writes("/join");
        story.later();
        insta::assert_snapshot!(story.screen(), @"
         lobby — обо всём · 3 участника
         lobby            2 │ 10:06 <boris> number 6
         @boris             │ 10:07 <boris> number 7
                            │ 10:08 <boris> number 8
                            │ 10:09 <boris> number 9
                            │ ── пятница, 20 ноября 2026 ───────────────────────────────
                            │ 10:10 <boris> number 10
                            │ 10:11 <boris> number 11
                            │ 10:12 <boris> number 12
                            │ -- добро пожаловать, anna
                            │ -- ваши комнаты: @boris, lobby (новых: 2), tea; что здесь
                            │    можно делать, расскажет /help
                            │ -- boris меняет тему lobby: обо всём
                            │ -- boris даёт olga права оператора в lobby
                            │ -- boris снимает с olga права модератора на этом сервере
                            │ -- boris блокирует вас в tea до 10:30 (суббота, 21 ноября
                            │    2026): шум
                            │ -- чего-то не хватает; напишите /join КОМНАТА
                            │ -- olga входит
                            │   !   <anna> привет
                            │       не отправлено: вам сейчас запрещено писать (you are
                            │       muted in 'lobby')
         на связи 0 мс · 1 не ушло: F7 снова, F8 убрать · здесь вы можете только читать
        > ▏
        ");
    });
}

#[test]
fn a_narrow_screen_without_a_connection() {
    in_russian(|| {
        let mut story = Story::new((40, 10), 12, 10);
        story.pages(12);
        story.message("tea", 10, "boris", "чайник кипит");
        insta::assert_snapshot!(story.screen(), @"
         lobby · 3 участника        в других: 1
        ── новое ───────────────────────────────
        10:11 <boris> number 11
        10:12 <boris> number 12
        -- добро пожаловать, anna
        -- ваши комнаты: @boris, lobby (новых:
           2), tea; что здесь можно делать,
           расскажет /help
         на связи 0 мс               F1 справка
        > ▏
        ");
        story.lose();
        story.writes("потом");
        insta::assert_snapshot!(story.screen(), @"
         lobby · 3 участника        в других: 1
        -- добро пожаловать, anna
        -- ваши комнаты: @boris, lobby (новых:
           2), tea; что здесь можно делать,
           расскажет /help
        -- the connection broke;
           переподключение…
          …   <anna> потом
         нет связи, 1 с · к отправке: 1
        > ▏
        ");
    });
}

#[test]
fn the_help_and_the_lists() {
    in_russian(|| {
        let mut story = Story::new((80, 24), 2, 2);
        story.pages(2);
        story.presses(KeyCode::F(1));
        insta::assert_snapshot!(story.screen(), @"
         Клавиши
        Enter                  отправить; Alt-Enter начинает новую строку
        Tab                    дополнить имя, комнату или команду; ещё раз — следующий
                               вариант
        Up, Down               написанное раньше; если строк несколько — ходить по ним
        PgUp, PgDn             прокрутка; более ранние сообщения загружаются сами
        Ctrl-Home, Ctrl-End    к первому сообщению; к самому новому
        Alt-Up, Alt-Down       в комнату выше или ниже
        Ctrl-K                 в комнату или к человеку по части имени
        Alt-A                  в следующую комнату, где есть новое
        Alt-M                  где вас упоминали
        Ctrl-O                 развернуть свёрнутое: длинные сообщения, кто пришёл и
                               ушёл
        F7, F8                 отправить снова или убрать неотправленное в этой комнате
        Alt-E                  писать в $EDITOR; также Ctrl-X Ctrl-E
        F2                     мышь прокручивает и выбирает комнаты или выделяет текст
        Ctrl-A E B F, Alt-B F  в начало, в конец, на букву, на слово
        Ctrl-W U Y, Alt-D K    вырезать слово, до начала, вставить обратно; слово, до
                               конца
        Ctrl-T, Ctrl-_         поменять местами две буквы; отменить
        Ctrl-L                 перерисовать экран
        Ctrl-Z                 приостановить; `fg` возвращает
         Esc — закрыть · /help — список команд · ещё раз ? — написать ?
        > ▏
        ");
        story.presses(KeyCode::Esc);
        story.pastes(&"строка\n".repeat(21));
        insta::assert_snapshot!(story.screen(), @"
         Вставка: 22 строки, 273 байта
        строка
        строка
        строка
        строка
        строка
        строка
        строка
        строка
        строка
        строка
        строка
        строка
        строка
        строка
        строка
        строка
        строка
        строка
        строка
        строка
        строка
         Enter — взять в строку · Esc — убрать
        > ▏
        ");
        let mut story = Story::new((40, 10), 2, 2);
        story.pages(2);
        story.presses(KeyCode::F(1));
        insta::assert_snapshot!(story.screen(), @"
         Клавиши
        Enter
          отправить; Alt-Enter начинает новую
          строку
        Tab
          дополнить имя, комнату или команду;
          ещё раз — следующий вариант
        Up, Down
         Esc — закрыть · /help — список команд…
        > ▏
        ");
        story.presses(KeyCode::Esc);
        story.writes("/help");
        insta::assert_snapshot!(story.screen(), @"
         Команды
        /join КОМНАТА
          войти в комнату или перейти в ту, где
          вы уже есть
        /leave [КОМНАТА]
          выйти из комнаты; из личной переписки
          — вернуться в lobby
        /create КОМНАТА
         Esc — закрыть · F1 — клавиши
        > ▏
        ");
    });
}
