//! The screen as a picture: what stands where, written into a buffer. Decides nothing and changes nothing.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::client::model::Model;
use crate::tui::screen::app::App;
use crate::tui::screen::list::Overlay;
use crate::tui::screen::text::{clean, columns, cut};
use crate::tui::screen::timeline::Row;
use crate::tui::screen::words;
use crate::tui::screen::writing::Writing;

/// A screen narrower than this shows no list of rooms.
pub(super) const LIST_FROM_COLUMNS: u16 = 60;
/// What stands before the line that is written.
const PROMPT: &str = "> ";

/// What stands where. What there is no room for is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Areas {
    /// The line at the top.
    pub title: Rect,
    /// Rooms and conversation together.
    pub body: Rect,
    /// The rooms.
    pub rooms: Rect,
    /// The conversation.
    pub talk: Rect,
    /// The line above the one that is written.
    pub status: Rect,
    /// What is written.
    pub writing: Rect,
}

/// Where a link is on the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkAt {
    /// The row.
    pub y: u16,
    /// The first column, and the first behind it.
    pub columns: std::ops::Range<u16>,
    /// Where it leads.
    pub link: Arc<str>,
}

/// What a picture has beside its letters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// The links.
    pub links: Vec<LinkAt>,
    /// The cursor.
    pub cursor: Option<(u16, u16)>,
}

/// What stands where on a screen of this size.
pub fn areas((width, height): (u16, u16), writing: &Writing) -> Areas {
    let room = usize::from(width).saturating_sub(PROMPT.len());
    let most = (height / 3).max(1);
    let wanted = u16::try_from(writing.rows(room).rows.len()).unwrap_or(u16::MAX);
    let written = wanted.clamp(1, most).min(height);
    let status = u16::from(height > written + 1);
    let title = u16::from(height > written + status + 2);
    let body = Rect::new(0, title, width, height - written - status - title);
    let listed = match width >= LIST_FROM_COLUMNS {
        true => (width / 4).clamp(14, 24),
        false => 0,
    };
    // A line stands between rooms and conversation.
    let talk_from = if listed > 0 { listed + 2 } else { 0 };
    Areas {
        title: Rect::new(0, 0, width, title),
        body,
        rooms: Rect::new(0, body.y, listed, body.height),
        talk: Rect::new(talk_from, body.y, width - talk_from, body.height),
        status: Rect::new(0, body.bottom(), width, status),
        writing: Rect::new(0, height - written, width, written),
    }
}

/// The first room that is listed where not all of them fit.
pub fn first_room(rooms: &[Arc<str>], current: &str, height: u16) -> usize {
    let at = rooms
        .iter()
        .position(|room| **room == *current)
        .unwrap_or(0);
    (at + 1).saturating_sub(usize::from(height))
}

impl App {
    /// Writes all of the screen into a buffer of its size.
    pub fn draw(&self, model: &Model, buffer: &mut Buffer) -> Beside {
        let areas = self.areas();
        let mut beside = Beside::default();
        self.draw_title(areas.title, model, buffer);
        match &self.overlay {
            Some(overlay) => self.draw_overlay(overlay, areas.body, buffer),
            None => {
                self.draw_rooms(areas.rooms, model, buffer);
                self.draw_talk(areas.talk, model, buffer, &mut beside);
            }
        }
        self.draw_status(areas.status, model, buffer);
        self.draw_writing(areas.writing, buffer, &mut beside);
        beside
    }

    fn draw_title(&self, area: Rect, model: &Model, buffer: &mut Buffer) {
        let mut title = clean(&self.current);
        if let Some(room) = model
            .rooms()
            .get(&self.current)
            .filter(|_| !self.current.starts_with('@'))
        {
            if !room.state.topic.is_empty() {
                title = format!("{title} — {}", clean(&room.state.topic));
            }
            title = format!(
                "{title} · {}",
                words::members(self.members(&self.current, room.state.members))
            );
        }
        if self.is_hushed(&self.current) {
            title = format!("{title} · {}", words::is_hushed());
        }
        let mut right = String::new();
        let elsewhere = (model.rooms().iter())
            .filter(|(name, _)| **name != self.current && !self.is_hushed(name))
            .map(|(_, room)| room.unread());
        let elsewhere = elsewhere.fold(0, u64::saturating_add);
        if area.width < LIST_FROM_COLUMNS && elsewhere > 0 {
            right = words::elsewhere(elsewhere);
        }
        if let Some(overlay) = &self.overlay {
            title = overlay.title().0;
        }
        bar(area, &title, &right, self.look.theme.bar(), buffer);
    }

    fn draw_rooms(&self, area: Rect, model: &Model, buffer: &mut Buffer) {
        if area.is_empty() {
            return;
        }
        let theme = self.look.theme;
        let rooms = self.rooms(model);
        let first = first_room(&rooms, &self.current, area.height);
        for (y, room) in (area.top()..area.bottom()).zip(rooms.iter().skip(first)) {
            let unread = model.rooms().get(room).map_or(0, |room| room.unread());
            let mentions = self.views.get(room).map_or(0, |view| view.mentions);
            let direct = room.starts_with('@');
            let hushed = self.is_hushed(room);
            let count = match (unread, mentions) {
                (0, _) => String::new(),
                (_, 0) if hushed => String::new(),
                (_, mentions) if hushed => format!("{mentions}@"),
                (unread, 0) => unread.to_string(),
                (unread, mentions) => format!("{mentions}@ {unread}"),
            };
            let style = match unread {
                _ if *room == self.current => theme.chosen(),
                _ if hushed => theme.dim(),
                0 => theme.text(),
                _ if mentions > 0 || direct => theme.mention(),
                _ => theme.unread(),
            };
            bar(
                Rect::new(area.x, y, area.width, 1),
                &clean(room),
                &count,
                style,
                buffer,
            );
        }
        for y in area.top()..area.bottom() {
            put(buffer, area.right(), y, 1, "│", theme.dim());
        }
    }

    fn draw_talk(&self, area: Rect, model: &Model, buffer: &mut Buffer, beside: &mut Beside) {
        let height = usize::from(area.height);
        let Some(view) = self.views.get(&self.current).filter(|_| height > 0) else {
            return;
        };
        let rows = self.timeline(view, model).seen(height).rows;
        // What is new comes in at the bottom, as everybody knows it.
        let empty = height.saturating_sub(rows.len());
        let top = area.y + u16::try_from(empty).unwrap_or(0);
        draw_rows(
            Rect::new(area.x, top, area.width, area.bottom() - top),
            &rows,
            buffer,
            &mut beside.links,
        );
    }

    fn draw_overlay(&self, overlay: &Overlay, area: Rect, buffer: &mut Buffer) {
        let (width, height) = (usize::from(area.width), usize::from(area.height));
        let rows = overlay.rows(&self.look, width, height);
        draw_rows(area, &rows, buffer, &mut Vec::new());
    }

    fn draw_writing(&self, area: Rect, buffer: &mut Buffer, beside: &mut Beside) {
        if area.is_empty() {
            return;
        }
        let indent = u16::try_from(PROMPT.len())
            .unwrap_or(0)
            .min(area.width.saturating_sub(1));
        let width = usize::from(area.width - indent);
        let rows = match &self.overlay {
            Some(Overlay::Jump(jump)) => jump.line.rows(width),
            _ => self.writing.rows(width),
        };
        let first = (rows.row + 1).saturating_sub(usize::from(area.height));
        for (y, row) in (area.top()..area.bottom()).zip(rows.rows.iter().skip(first)) {
            put(
                buffer,
                area.x + indent,
                y,
                width,
                row,
                self.look.theme.text(),
            );
        }
        put(
            buffer,
            area.x,
            area.y,
            usize::from(indent),
            PROMPT,
            self.look.theme.dim(),
        );
        let row = u16::try_from(rows.row - first).unwrap_or(0);
        let column = u16::try_from(rows.column)
            .unwrap_or(u16::MAX)
            .saturating_add(indent);
        beside.cursor = Some((column.min(area.right() - 1), area.y + row));
    }
}

fn draw_rows(area: Rect, rows: &[Row], buffer: &mut Buffer, links: &mut Vec<LinkAt>) {
    for (y, row) in (area.top()..area.bottom()).zip(rows) {
        let mut x = area.x;
        for part in row {
            let room = usize::from(area.right().saturating_sub(x));
            let end = put(buffer, x, y, room, &part.text, part.style);
            if let Some(link) = part.link.clone().filter(|_| end > x) {
                let columns = x..end;
                links.push(LinkAt { y, columns, link });
            }
            x = end;
        }
    }
}

/// A row of one look with something at its left and right end.
pub(super) fn bar(area: Rect, left: &str, right: &str, style: Style, buffer: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    buffer.set_style(area, style);
    let width = usize::from(area.width);
    let right = cut(right, width / 2);
    let used = columns(&right);
    let room = match used {
        0 => width.saturating_sub(2),
        used => width.saturating_sub(used + 3),
    };
    put(buffer, area.x + 1, area.y, room, &cut(left, room), style);
    let at = area
        .right()
        .saturating_sub(u16::try_from(used + 1).unwrap_or(u16::MAX));
    put(buffer, at.max(area.x), area.y, used, &right, style);
}

/// Writes a text into a row, as far as it fits; returns the column behind it.
fn put(buffer: &mut Buffer, x: u16, y: u16, width: usize, text: &str, style: Style) -> u16 {
    let inside = buffer.area.contains(ratatui::layout::Position { x, y });
    match inside {
        true => buffer.set_stringn(x, y, text, width, style).0,
        false => x,
    }
}
