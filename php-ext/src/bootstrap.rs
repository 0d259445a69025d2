//! Loading the file that the setting `bootstrap` names, as `require` in the main script would.

use std::ptr::null_mut;

use ext_php_rs::ffi::{_efree, destroy_op_array, zend_destroy_static_vars, zend_execute};

use crate::zend::{Zv, compile_filename, eg, php_clear_stat_cache, zend_execute_data, zend_string};

/// `ZEND_REQUIRE`: a file that cannot be read is an error.
const REQUIRE: i32 = 1 << 3;
/// `ZEND_CALL_HAS_SYMBOL_TABLE`: the frame's variables are those of its symbol table.
const HAS_SYMBOL_TABLE: u32 = 1 << 20;

/// Compile the file and run it in the global scope. What it throws is pending afterwards.
///
/// # Safety
/// Under the guard of [`crate::call`]; `path` must be alive.
pub(crate) unsafe fn load(path: *mut zend_string) {
    // SAFETY: PHP's own functions, called as it loads the main script. A fatal error leaves by a longjmp,
    // and nothing here needs dropping; PHP then forgets its frames, so `current_execute_data` needs no
    // putting back either.
    unsafe {
        // A release is often a symbolic link that now leads elsewhere.
        php_clear_stat_cache(true, std::ptr::null(), 0);
        let code = compile_filename(REQUIRE, path);
        if code.is_null() {
            return; // a parse error or an unreadable file: an exception is pending
        }
        // Seen from the file, the main script requires it: its variables are global ones even if start() was
        // called within a function, and there is no $this.
        let caller = (*eg()).current_execute_data;
        (*eg()).current_execute_data = global_frame(caller);
        let mut returned = Zv::UNDEF;
        zend_execute(code, returned.ptr());
        (*eg()).current_execute_data = caller;
        zend_destroy_static_vars(code);
        destroy_op_array(code);
        _efree(code.cast());
        returned.release();
    }
}

/// The frame whose variables are the global ones at the moment. PHP keeps those in the slots of the frame
/// that was entered last, and puts them back there when code with the same symbol table returns to it; so
/// it must be this one and no other that calls.
///
/// # Safety
/// `frame` must be null or PHP's running frame.
unsafe fn global_frame(mut frame: *mut zend_execute_data) -> *mut zend_execute_data {
    // SAFETY: frames are linked down to the first; `func` is null or alive, and only a frame with the flag
    // has a symbol table.
    unsafe {
        let globals = &raw mut (*eg()).symbol_table;
        while !frame.is_null() {
            let flags = (*frame).This.u1.type_info;
            let is_user_code = !(*frame).func.is_null() && (*(*frame).func).type_ & 1 == 0;
            if is_user_code && flags & HAS_SYMBOL_TABLE != 0 && (*frame).symbol_table == globals {
                return frame;
            }
            frame = (*frame).prev_execute_data;
        }
        null_mut()
    }
}
