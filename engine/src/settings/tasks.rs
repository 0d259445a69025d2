//! Settings of tasks and messages, with checked values.

/// Where tasks come from (`task_ipc_mode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IpcMode(pub(crate) i64);

impl IpcMode {
    /// Other programs feed a message queue, too.
    pub(crate) fn has_queue(self) -> bool {
        matches!(self.0, 2 | 3)
    }

    /// Any task worker takes any task.
    pub(crate) fn is_any(self) -> bool {
        self.0 == 3
    }
}

/// What is set of tasks.
#[derive(Debug, Clone)]
pub(crate) struct TaskSettings {
    /// Task workers; 0: none.
    pub(crate) workers: u32,
    pub(crate) max_request: u64,
    pub(crate) max_request_grace: Option<u64>,
    /// Tasks of one sender that may wait.
    pub(crate) queue_max_num: u64,
    /// Bytes of one sender's tasks that may wait; a power of two.
    pub(crate) queue_max_bytes: u64,
    /// How often a task whose worker died is run again.
    pub(crate) redeliver: u8,
    pub(crate) ipc_mode: IpcMode,
    /// Key of the message queue that other programs feed; 0: there is none.
    pub(crate) queue_key: i32,
    /// Rights of a queue that is made.
    pub(crate) queue_rights: u32,
    /// For a front with objects: callbacks get one each.
    pub(crate) event_object: bool,
    /// The same for tasks alone.
    pub(crate) task_object: bool,
}

impl TaskSettings {
    /// What of these settings does nothing, or not what it says, for the log.
    pub(crate) fn notes(&self) -> Vec<String> {
        let (IpcMode(mode), has_queue) = (self.ipc_mode, self.ipc_mode.has_queue());
        let mut notes = Vec::new();
        if mode != 1 && !has_queue {
            notes.push(format!(
                "task_ipc_mode {mode} is not supported, it behaves as 1"
            ));
        }
        if has_queue && self.workers == 0 {
            notes.push(format!(
                "task_ipc_mode {mode} has no effect without task_worker_num"
            ));
        } else if has_queue && self.queue_key == 0 {
            notes.push(format!(
                "task_ipc_mode {mode} without message_queue_key: there is no message queue, as no other program could find it"
            ));
        }
        if !has_queue && self.queue_key != 0 {
            notes.push("message_queue_key has no effect without task_ipc_mode 2 or 3".into());
        }
        notes
    }

    /// The key of the queue to open, if there is to be one.
    pub(crate) fn queue(&self) -> Option<i32> {
        let wanted = self.ipc_mode.has_queue() && self.workers > 0 && self.queue_key != 0;
        wanted.then_some(self.queue_key)
    }
}

impl Default for TaskSettings {
    fn default() -> TaskSettings {
        TaskSettings {
            workers: 0,
            max_request: 0,
            max_request_grace: None,
            queue_max_num: 1_000_000,
            queue_max_bytes: 256 << 20,
            redeliver: 0,
            ipc_mode: IpcMode(1),
            queue_key: 0,
            queue_rights: 0o600,
            event_object: false,
            task_object: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(mode: i64, workers: u32, queue_key: i32) -> TaskSettings {
        TaskSettings {
            ipc_mode: IpcMode(mode),
            workers,
            queue_key,
            ..TaskSettings::default()
        }
    }

    #[test]
    fn what_has_no_effect_is_said() {
        for (mode, workers, key, queue, notes) in [
            (1, 0, 0, None, 0),
            (1, 1, 7, None, 1),
            (2, 1, 7, Some(7), 0),
            (3, 1, -7, Some(-7), 0),
            (2, 0, 7, None, 1),
            (2, 1, 0, None, 1),
            (4, 1, 7, None, 2),
            (0, 0, 0, None, 1),
        ] {
            let settings = settings(mode, workers, key);
            assert_eq!(settings.queue(), queue, "{mode} {workers} {key}");
            assert_eq!(settings.notes().len(), notes, "{mode} {workers} {key}");
        }
    }
}
