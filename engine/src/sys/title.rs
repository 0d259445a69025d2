//! The name of a process as `ps` shows it: the bytes of its command line, overwritten.
//!
//! The kernel shows what stands where the arguments were when the program was started. A title longer
//! than that runs on into the environment, which lies behind it, and is shown too if the arguments do not
//! end with NUL. So before a long title the variables are moved elsewhere, once.

use std::sync::{Mutex, PoisonError};

/// Where arguments and environment were put: addresses of this process.
#[derive(Debug, Clone, Copy)]
struct Area {
    arguments: (usize, usize),
    environment: (usize, usize),
}

/// Whether the environment's strings are out of the way.
static MOVED: Mutex<bool> = Mutex::new(false);

impl Area {
    /// Fields 48 to 51 of /proc/self/stat (proc(5)).
    fn find() -> Option<Area> {
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        let (_, rest) = stat.rsplit_once(')')?; // the name may hold anything
        let field = |number: usize| {
            rest.split_whitespace()
                .nth(number - 3)?
                .parse::<usize>()
                .ok()
        };
        let area = Area {
            arguments: (field(48)?, field(49)?),
            environment: (field(50)?, field(51)?),
        };
        (area.arguments.0 > 0 && area.arguments.0 < area.arguments.1).then_some(area)
    }
}

/// Show `title` from now on, cut to what fits. False if the kernel does not say where to write.
pub(crate) fn set(title: &str) -> bool {
    let Some(area) = Area::find() else {
        return false;
    };
    let (start, end) = area.arguments;
    let short = end - start;
    let can_grow = area.environment.0 == end && title.len() >= short && move_environment(area);
    let room = if can_grow {
        area.environment.1 - start
    } else {
        short
    };
    let bytes: Vec<u8> = title
        .bytes()
        .map(|byte| if byte == 0 { b' ' } else { byte })
        .collect();
    let len = bytes.len().min(room - 1);
    // SAFETY: start..start+room is this process's argument area, writable memory of its stack that lives
    // as long as it does; it may grow into the environment area only after nothing points there any more.
    // `len` is less than `room`, so the text stays zero-terminated for whoever still reads it.
    unsafe {
        let place = start as *mut u8;
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), place, len);
        std::ptr::write_bytes(place.add(len), 0, room - len);
    }
    true
}

/// Copy the variables that lie in the area. Not while other threads may read them: those in the area then stay.
fn move_environment(area: Area) -> bool {
    let mut moved = MOVED.lock().unwrap_or_else(PoisonError::into_inner);
    if *moved {
        return true;
    }
    unsafe extern "C" {
        static mut environ: *mut *mut libc::c_char;
    }
    let in_area = |text: *mut libc::c_char| {
        (area.environment.0..area.environment.1).contains(&(text as usize))
    };
    // SAFETY: `environ` is a list of strings that ends with NULL (environ(7)). Only one thread exists
    // (checked), so nobody changes or reads it meanwhile. The copies are never freed, as they take the
    // place of strings that were never freed.
    unsafe {
        let mut slot = environ;
        if slot.is_null() {
            *moved = true;
            return true;
        }
        let alone = super::fork::threads() == 1;
        while !(*slot).is_null() {
            if in_area(*slot) {
                if !alone {
                    return false;
                }
                let copy = libc::strdup(*slot);
                if copy.is_null() {
                    return false;
                }
                *slot = copy;
            }
            slot = slot.add(1);
        }
    }
    *moved = true;
    true
}
