//! Argon2id (RFC 9106): passwords into PHC strings, and checked against them.

use std::alloc::System;

use allocator_api2::vec::Vec;
use argon2::password_hash::phc::{Output, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version, password_hash};

use crate::base::Password;
use crate::base::record::PasswordHash;

/// Memory asked for at once in this size comes from the system and goes back to it when it is let go. Below it, malloc
/// may keep it (mallopt(3), M_MMAP_THRESHOLD), and the daemon would keep the memory of its busiest moment. What is not
/// touched of it costs nothing.
const ALWAYS_MAPPED_BYTES: usize = 33 * 1024 * 1024;
/// Memory and passes that a hash from outside may ask for: each login of its account takes that much.
const GIVEN_KIB_MAX: u32 = 65_536;
const GIVEN_PASSES_MAX: u32 = 10;

/// What hashes are computed in: 19 MiB for our own settings, taken for the first hash and kept for the next ones. It comes
/// from the system and goes back to it past the allocator that wipes, which would touch all of it; there is no password
/// in it (RFC 9106, section 3.2: it begins with a hash).
pub struct Memory(Vec<Block, System>);

impl Default for Memory {
    fn default() -> Self {
        Self(Vec::new_in(System))
    }
}

impl Memory {
    /// Argon2id with m=19456, t=2, p=1 (OWASP's first choice) as a PHC string, of the form in which passwords are compared.
    ///
    /// # Errors
    /// `OutOfMemory` where the system gives none.
    pub fn hash(&mut self, password: &Password) -> password_hash::Result<PasswordHash> {
        self.hash_by(password, Params::DEFAULT)
    }

    pub fn hash_by(
        &mut self,
        password: &Password,
        params: Params,
    ) -> password_hash::Result<PasswordHash> {
        let prepared = password.prepared();
        let password = prepared.as_ref().unwrap_or(password);
        let salt = Salt::generate();
        let hash = argon2::PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: (&params).try_into()?,
            salt: Some(salt),
            hash: Some(self.digest(password, &salt, params)?),
        };
        Ok(PasswordHash(hash.to_string().into()))
    }

    /// Whether the password is that of a hash, by the settings with which that was made. Outputs are compared in a time that
    /// does not tell where they differ.
    pub fn verify(&mut self, password: &Password, text: &str) -> Result<(), password_hash::Error> {
        let hash = argon2::PasswordHash::new(text)?;
        let (Some(salt), Some(expected)) = (hash.salt, hash.hash) else {
            return Err(password_hash::Error::Internal);
        };
        match self.digest(password, &salt, Params::try_from(&hash)?)? == expected {
            true => Ok(()),
            false => Err(password_hash::Error::PasswordInvalid),
        }
    }

    fn digest(
        &mut self,
        password: &Password,
        salt: &Salt,
        params: Params,
    ) -> Result<Output, password_hash::Error> {
        let (blocks, Self(memory)) = (params.block_count(), self);
        if memory.len() < blocks {
            // What there was goes first, so that it need not be there twice. A failed allocation of any other sort ends
            // the daemon; this one is so large that it is the first to fail, and nothing but a login hangs on it.
            *memory = Vec::new_in(System);
            memory
                .try_reserve_exact(blocks.max(ALWAYS_MAPPED_BYTES / Block::SIZE))
                .map_err(|_| password_hash::Error::OutOfMemory)?;
            memory.resize(blocks, Block::new());
        }
        let mut bytes = [0; Params::DEFAULT_OUTPUT_LEN];
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        argon2.hash_password_into_with_memory(
            password.expose().as_bytes(),
            salt,
            &mut bytes,
            &mut memory[..blocks],
        )?;
        Ok(Output::new(&bytes)?)
    }
}

/// Whether a hash was made by lower settings than ours. One by higher settings stays.
pub fn is_low(text: &str) -> bool {
    let hash = argon2::PasswordHash::new(text).ok();
    let made_with = hash.as_ref().and_then(|hash| Params::try_from(hash).ok());
    made_with.is_some_and(|made_with| {
        made_with.m_cost() < Params::DEFAULT.m_cost()
            || made_with.t_cost() < Params::DEFAULT.t_cost()
    })
}

/// Takes a hash that was made elsewhere, when passwords can be checked against it here.
///
/// # Errors
/// With what is wrong with it, without a word of what stands there.
pub fn read_hash(text: &str) -> Result<PasswordHash, &'static str> {
    const FORM: &str = "that is no $argon2id$v=19$m=…,t=…,p=…$SALT$HASH with 32 bytes of hash";
    let hash = argon2::PasswordHash::new(text).map_err(|_| FORM)?;
    let params = Params::try_from(&hash).map_err(|_| FORM)?;
    let is_ours = hash.algorithm == Algorithm::Argon2id.ident()
        && hash.version == Some(Version::V0x13.into())
        && hash.salt.is_some()
        && hash
            .hash
            .is_some_and(|hash| hash.len() == Params::DEFAULT_OUTPUT_LEN);
    match is_ours {
        false => Err(FORM),
        true if params.m_cost() > GIVEN_KIB_MAX || params.t_cost() > GIVEN_PASSES_MAX => {
            Err("that asks for more than m=65536 or t=10, which each login would take")
        }
        true => Ok(PasswordHash(text.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_that_of_its_password_alone_and_says_how_it_was_made() {
        let password = |text: &str| Password::new(text.into());
        let PasswordHash(text) = Memory::default()
            .hash(&password("правильный конь"))
            .unwrap();
        assert!(
            text.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{text}"
        );
        assert_eq!(
            Memory::default().verify(&password("правильный конь"), &text),
            Ok(())
        );
        assert_eq!(
            Memory::default().verify(&password("другой конь"), &text),
            Err(password_hash::Error::PasswordInvalid)
        );
        assert!(
            Memory::default()
                .verify(&password("x"), "$argon2id$nonsense")
                .is_err()
        );
        assert_eq!(read_hash(&text), Ok(PasswordHash(text.clone())));
        let cut = text.rsplit_once('$').unwrap().0;
        for wrong in [
            cut.to_owned(),
            text[..text.len() - 6].to_owned(),
            text.replace("argon2id", "argon2i"),
            text.replace("v=19$", ""),
            text.replace("t=2", "t=0"),
            text.replace("t=2", "t=11"),
            text.replace("m=19456", "m=65537"),
            "$argon2id$nonsense".to_owned(),
        ] {
            assert!(read_hash(&wrong).is_err(), "{wrong}");
        }
        assert!(
            Memory::default()
                .verify(&password("правильный конь"), cut)
                .is_err(),
            "a hash without its end"
        );
    }

    #[test]
    fn a_hash_by_lower_settings_is_told_from_one_by_ours_or_higher() {
        let PasswordHash(text) = Memory::default()
            .hash(&Password::new("правильный конь".into()))
            .unwrap();
        assert!(!is_low(&text));
        assert!(!is_low(
            &text.replace("m=19456", "m=65536").replace("t=2", "t=3")
        ));
        assert!(is_low(&text.replace("m=19456", "m=12288")));
        assert!(is_low(&text.replace("t=2", "t=1")));
    }
}
