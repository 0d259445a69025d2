//! Settings of tasks and messages, with checked values.

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
    /// For a front with objects: callbacks get one each.
    pub(crate) event_object: bool,
    /// The same for tasks alone.
    pub(crate) task_object: bool,
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
            event_object: false,
            task_object: false,
        }
    }
}
