//! The servers that a person has given names to, in `config.toml`: who one is there and how the password is had. Connects
//! to nobody and runs nothing.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use crate::base::mistake::{Mistakes, Place};
use crate::base::nearest::nearest;
use crate::base::tongue::{Both, say};
use crate::base::{Fingerprint, UserName};
use crate::client::DEFAULT_PORT;
use crate::client::known::server;
use crate::tui::address;
use crate::tui::screen::text::columns;
use crate::tui::show::harmless;

/// The longest file that is read: a thousand servers.
const FILE_BYTES_MAX: u64 = 262_144;

/// A server with a name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Profile {
    /// Its host.
    #[serde(deserialize_with = "host")]
    pub server: String,
    /// Its port.
    #[serde(default, deserialize_with = "port")]
    pub port: Option<u16>,
    /// Who one is there.
    #[serde(default, deserialize_with = "name")]
    pub name: Option<String>,
    /// The fingerprint of its certificate.
    #[serde(default, deserialize_with = "fingerprint")]
    pub fingerprint: Option<Fingerprint>,
    /// Whether nothing is encrypted.
    #[serde(default)]
    pub plaintext: bool,
    /// The command that prints the password.
    #[serde(default)]
    pub password_command: Option<String>,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub struct Profiles {
    file: Option<PathBuf>,
    default: Option<String>,
    all: BTreeMap<String, Profile>,
}

/// The file.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Table {
    default: Option<Spanned<String>>,
    profile: BTreeMap<String, Spanned<Profile>>,
}

impl Profiles {
    /// Those of the person who runs the program: in `$XDG_CONFIG_HOME/chat-client/config.toml`, else in
    /// `~/.config/chat-client/config.toml`. None where there is no file.
    ///
    /// # Errors
    /// With a sentence when the file is no use.
    pub fn of_user(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, String> {
        // The standard says to pass over a path that is not absolute.
        let path = |name| {
            let path = variable(name).map(PathBuf::from);
            path.filter(|path| path.is_absolute())
        };
        let config = path("XDG_CONFIG_HOME").or_else(|| Some(path("HOME")?.join(".config")));
        match config {
            Some(config) => Self::of_file(config.join("chat-client/config.toml")),
            None => Ok(Self::default()),
        }
    }

    /// What this text says.
    #[cfg(test)]
    pub fn of_text(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        std::fs::write(&file, text).unwrap();
        Self::of_file(file).unwrap()
    }

    fn of_file(file: PathBuf) -> Result<Self, String> {
        let text = read(&file)?;
        let mistakes = Mistakes {
            text: &text,
            places: &[
                Place::of::<Table>(Both("at the top of the file", "в начале файла").said()),
                Place::of::<Profile>(Both("under [profile.NAME]", "под [profile.ИМЯ]").said()),
            ],
            example: "chat-client(1)",
        };
        let read = Table::deserialize_from(&text).and_then(|table| table.checked(&mistakes));
        let (default, all) = match read {
            Ok(read) => read,
            Err(Wrong::Parsed(error)) => return Err(told(&file, &mistakes.told(&error))),
            Err(Wrong::Found(what)) => return Err(told(&file, &what)),
        };
        Ok(Self {
            file: Some(file),
            default,
            all,
        })
    }

    /// The profile of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Profile> {
        self.all.get(name)
    }

    /// The profile that is taken where no server is named.
    #[must_use]
    pub fn usual(&self) -> Option<&Profile> {
        self.find(self.default.as_deref()?)
    }

    /// The profile that somebody asks for by this name.
    ///
    /// # Errors
    /// With a sentence when there is none.
    pub fn wanted(&self, name: &str) -> Result<&Profile, String> {
        self.find(name).ok_or_else(|| {
            let file = self.file.as_deref().unwrap_or(Path::new("config.toml"));
            let (file, shown) = (file.display(), harmless(name));
            let known = self.all.keys().map(String::as_str);
            match nearest(name, known) {
                Some(meant) => say!(
                    "there is no profile '{shown}' in '{file}'; did you mean '{}'?",
                    "профиля «{shown}» нет в «{file}»; может быть, «{}»?",
                    harmless(meant)
                ),
                None => say!(
                    "there is no profile '{shown}' in '{file}'; `chat-client profiles` lists those there are",
                    "профиля «{shown}» нет в «{file}»; все профили покажет `chat-client profiles`"
                ),
            }
        })
    }

    /// All of them in lines, one below the other; what to do where there are none.
    #[must_use]
    pub fn listed(&self) -> Vec<String> {
        let rows: Vec<[String; 3]> = (self.all.iter())
            .map(|(name, profile)| {
                let mark = match self.default.as_ref() == Some(name) {
                    true => say!(" (default)", " (по умолчанию)"),
                    false => String::new(),
                };
                [
                    format!("{}{mark}", harmless(name)),
                    server(&profile.server, profile.port.unwrap_or(DEFAULT_PORT)),
                    profile.name.clone().unwrap_or_default(),
                ]
            })
            .collect();
        let width = |column: usize| rows.iter().map(|row| columns(&row[column])).max();
        let widths = [0, 1].map(|column| width(column).unwrap_or(0));
        let line = |row: &[String; 3]| {
            let padded = |column: usize| {
                let gap = widths[column] - columns(&row[column]) + 2;
                format!("{}{}", row[column], " ".repeat(gap))
            };
            let line = format!("{}{}{}", padded(0), padded(1), row[2]);
            line.trim_end().to_owned()
        };
        rows.iter().map(line).collect()
    }

    /// What to say where there are none.
    #[must_use]
    pub fn none(&self) -> String {
        let file = self.file.as_deref().unwrap_or(Path::new("config.toml"));
        let file = file.display();
        say!(
            "there are no profiles; write them into '{file}', as chat-client(1) tells",
            "профилей нет; опишите их в «{file}», как сказано в chat-client(1)"
        )
    }
}

enum Wrong {
    Parsed(Box<toml::de::Error>),
    Found(String),
}

impl Table {
    fn deserialize_from(text: &str) -> Result<Self, Wrong> {
        toml::from_str(text).map_err(|error| Wrong::Parsed(Box::new(error)))
    }

    /// What the parser does not look at.
    fn checked(
        self,
        mistakes: &Mistakes,
    ) -> Result<(Option<String>, BTreeMap<String, Profile>), Wrong> {
        if let Some(default) = &self.default
            && !self.profile.contains_key(default.as_ref())
        {
            let name = harmless(default.as_ref());
            let what = say!(
                "there is no profile '{name}'; name one that stands below as [profile.{name}]",
                "профиля «{name}» нет; назовите тот, что описан ниже как [profile.{name}]"
            );
            return Err(Wrong::Found(mistakes.at(default.span().start, &what)));
        }
        let mut all = BTreeMap::new();
        for (name, profile) in self.profile {
            let start = profile.span().start;
            let profile = profile.into_inner();
            if profile.plaintext && profile.fingerprint.is_some() {
                let what = say!(
                    "'plaintext' and 'fingerprint' exclude each other: without encryption no server can be told by its \
                     certificate",
                    "«plaintext» и «fingerprint» исключают друг друга: без шифрования сервер не узнать по сертификату"
                );
                return Err(Wrong::Found(mistakes.at(start, &what)));
            }
            all.insert(name, profile);
        }
        Ok((self.default.map(Spanned::into_inner), all))
    }
}

fn told(file: &Path, what: &str) -> String {
    let file = file.display();
    say!("'{file}', {what}", "«{file}», {what}")
}

/// Reads the file; whoever could write there could have the client run commands.
fn read(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let failed = |cause: io::Error| {
        say!(
            "cannot read '{shown}': {cause}",
            "не удалось прочитать «{shown}»: {cause}"
        )
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
        Err(cause) => return Err(failed(cause)),
    };
    // Of the file that is open: the one at the path may be another by now.
    let found = file.metadata().map_err(failed)?;
    let mode = found.mode() & 0o777;
    if mode & 0o022 != 0 {
        return Err(say!(
            "'{shown}' can be written by others (mode {mode:o}); look whether it says what it should, then run `chmod go-w \
             '{shown}'`",
            "в «{shown}» могут писать другие (права {mode:o}); проверьте, что в нём написано, и выполните `chmod go-w \
             '{shown}'`"
        ));
    }
    let me = nix::unistd::geteuid().as_raw();
    if found.uid() != me && found.uid() != 0 {
        return Err(say!(
            "'{shown}' belongs to somebody else (user {}); look whether it says what it should, then run `chown {me} \
             '{shown}'`",
            "«{shown}» принадлежит другому (пользователь {}); проверьте, что в нём написано, и выполните `chown {me} \
             '{shown}'`",
            found.uid()
        ));
    }
    let mut text = String::new();
    let mut bounded = file.take(FILE_BYTES_MAX + 1);
    bounded.read_to_string(&mut text).map_err(failed)?;
    match text.len() as u64 > FILE_BYTES_MAX {
        true => Err(say!(
            "'{shown}' is longer than {FILE_BYTES_MAX} bytes; it cannot be what is meant",
            "«{shown}» длиннее {FILE_BYTES_MAX} байт; это не может быть тот файл"
        )),
        false => Ok(text),
    }
}

fn text_of<'de, D: Deserializer<'de>, T>(
    value: D,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, D::Error> {
    let text = String::deserialize(value)?;
    read(&text).map_err(D::Error::custom)
}

fn host<'de, D: Deserializer<'de>>(value: D) -> Result<String, D::Error> {
    text_of(value, address::host)
}

fn name<'de, D: Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    text_of(value, |text| match text.parse::<UserName>() {
        Ok(_) => Ok(Some(text.to_owned())),
        Err(error) => Err(error.to_string()),
    })
}

fn fingerprint<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Fingerprint>, D::Error> {
    text_of(value, |text| match text.parse() {
        Ok(fingerprint) => Ok(Some(fingerprint)),
        Err(error) => Err(format!("{error}")),
    })
}

fn port<'de, D: Deserializer<'de>>(value: D) -> Result<Option<u16>, D::Error> {
    value.deserialize_i64(Port).map(Some)
}

/// A number that can be a port.
struct Port;

impl Visitor<'_> for Port {
    type Value = u16;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&say!("a number from 1 to 65535", "число от 1 до 65535"))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<u16, E> {
        let port = u16::try_from(number).ok().filter(|port| *port != 0);
        port.ok_or_else(|| E::invalid_value(Unexpected::Signed(number), &self))
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::base::tongue::Tongue;

    fn of(text: &str) -> Result<Profiles, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        Profiles::of_file(file.clone())
            .map_err(|text| text.replace(&*file.to_string_lossy(), "FILE"))
    }

    const TWO: &str = "default = \"work\"\n\
        [profile.work]\nserver = \"chat.example.org\"\nport = 99\nname = \"anna\"\n\
        fingerprint = \"SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU\"\npassword-command = \"pass show chat\"\n\
        [profile.'дома']\nserver = \"::1\"\n[profile.open]\nserver=\"10.0.0.1\"\nplaintext = true\nname = \"Анна\"\n";

    #[test]
    fn profiles_are_read_and_listed() {
        let profiles = of(TWO).unwrap();
        assert_eq!(profiles.usual(), profiles.find("work"));
        let work = profiles.find("work").unwrap();
        assert_eq!(
            (&*work.server, work.port, work.plaintext),
            ("chat.example.org", Some(99), false)
        );
        assert!(work.fingerprint.is_some() && profiles.find("open").unwrap().plaintext);
        insta::assert_snapshot!(profiles.listed().join("\n"), @"
        open            10.0.0.1:2428        Анна
        work (default)  chat.example.org:99  anna
        дома            [::1]:2428
        ");
        insta::assert_snapshot!(profiles.wanted("wrok").unwrap_err().split(" in ").next().unwrap(), @"there is no profile 'wrok'");
        assert_eq!(of("").unwrap().listed(), [""; 0]);
    }

    #[test]
    fn a_mistake_is_told_with_its_place_and_what_is_right() {
        let mistakes = [
            "defualt = \"work\"\n",
            "default = \"work\"\n",
            "default = 7\n",
            "server = \"x\"\n",
            "[profile]\nserver = \"x\"\n",
            "[profiles.work]\n",
            "[profile.work]\n",
            "[profile.work]\nserver = \"x:99\"\n",
            "[profile.work]\nserver = \"\"\n",
            "[profile.work]\nserver = \"a b\"\n",
            "[profile.work]\nserver = \"x\"\nport = 70000\n",
            "[profile.work]\nserver = \"x\"\nport = \"many\"\n",
            "[profile.work]\nserver = \"x\"\nname = \"a b\"\n",
            "[profile.work]\nserver = \"x\"\nfingerprint = \"SHA256:abc\"\n",
            "[profile.work]\nserver = \"x\"\nplaintext = \"yes\"\n",
            "[profile.work]\nserver = \"x\"\npassword-comand = \"pass\"\n",
            "[profile.work]\nserver = \"x\"\npassword = \"secret\"\n",
            "[profile.work]\nserver = \"x\"\npassword-command = [\"pass\"]\n",
            "[profile.work]\nserver = \"x\"\nplaintext = true\nfingerprint = \"SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU\"\n",
        ];
        let told: Vec<_> = mistakes.iter().map(|text| of(text).unwrap_err()).collect();
        insta::assert_snapshot!(told.join("\n"), @r#"
        'FILE', line 1, column 1: there is no setting 'defualt'; did you mean 'default'?
        'FILE', line 1, column 11: there is no profile 'work'; name one that stands below as [profile.work]
        'FILE', line 1, column 11: 7 is not possible here; write a text in quotation marks
        'FILE', line 1, column 1: the setting 'server' does not belong here; write it under [profile.NAME]
        'FILE', line 2, column 10: "x" is not possible here; write a table, as chat-client(1) has it
        'FILE', line 1, column 2: there is no setting 'profiles'; did you mean 'profile'?
        'FILE', line 1, column 1: the setting 'server' is missing here
        'FILE', line 2, column 10: the port has a place of its own: 'x' here, 99 there
        'FILE', line 2, column 10: the host is missing; write HOST or HOST:PORT
        'FILE', line 2, column 10: the name of a host cannot have ' '; write HOST or HOST:PORT
        'FILE', line 3, column 8: 70000 is not possible here; write a number from 1 to 65535
        'FILE', line 3, column 8: "many" is not possible here; write a number from 1 to 65535
        'FILE', line 3, column 8: the name has a character that names may not have; use letters, digits and signs such as - . _ without spaces
        'FILE', line 3, column 15: 'SHA256:abc' is no fingerprint; it is written like SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU
        'FILE', line 3, column 13: "yes" is not possible here; write true or false
        'FILE', line 3, column 1: there is no setting 'password-comand'; did you mean 'password-command'?
        'FILE', line 3, column 1: there is no setting 'password'; did you mean 'password-command'?
        'FILE', line 3, column 20: a list is not possible here; write a text in quotation marks
        'FILE', line 1, column 1: 'plaintext' and 'fingerprint' exclude each other: without encryption no server can be told by its certificate
        "#);
        let russian = Tongue::Russian.spoken_in(|| of(mistakes[0]).unwrap_err());
        insta::assert_snapshot!(russian, @"«FILE», строка 1, столбец 1: настройки «defualt» нет; может быть, «default»?");
    }

    #[test]
    fn a_file_that_others_can_write_is_not_gone_by() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        fs::write(&file, TWO).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o664)).unwrap();
        let told = Profiles::of_file(file.clone()).unwrap_err();
        let told = told.replace(&*file.to_string_lossy(), "FILE");
        insta::assert_snapshot!(told, @"'FILE' can be written by others (mode 664); look whether it says what it should, then run `chmod go-w 'FILE'`");
        fs::write(&file, vec![b'#'; 300_000]).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        assert!(
            Profiles::of_file(file)
                .unwrap_err()
                .contains("is longer than")
        );
    }
}
