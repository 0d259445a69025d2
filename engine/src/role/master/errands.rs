//! Functions of the user that run on the master's main thread, on behalf of the reactors.

use super::Master;
use crate::choice::DispatchEvent;
use crate::errand::{Answer, Question};

/// Questions answered before signals, mail and new connections get their turn.
const PER_TURN: usize = 256;

impl Master {
    /// Answer the questions that wait.
    pub(super) fn serve_errands(&mut self) {
        for _ in 0..PER_TURN {
            let Some(errand) = self.errands.next() else {
                return;
            };
            let (context, handler) = (&self.context, self.context.handler());
            let answer = match &errand.question {
                Question::Dispatch {
                    session,
                    kind,
                    port,
                    data,
                } => {
                    context.at_port(*port);
                    let event = DispatchEvent {
                        session: *session,
                        kind: *kind,
                        port: *port,
                        data,
                    };
                    handler.on_dispatch(context, &event).map(Answer::Target)
                }
                Question::Length { port, data } => {
                    context.at_port(*port);
                    handler.on_length(context, *port, data).map(Answer::Length)
                }
            };
            match answer {
                Ok(answer) => errand.answer(answer),
                Err(leave) => {
                    // The reactors go on without: the mode decides, and what needs measuring is refused.
                    self.errands.close();
                    drop(errand);
                    return self.heed(Err(leave));
                }
            }
        }
    }
}
